import { setTimeout as sleep } from 'node:timers/promises';
import { Command } from 'commander';
import { ProblemError } from '../../../api/client/client.ts';
import { type Document, examples } from '../operationCommand.ts';
import type { Screen } from '../screen.ts';
import { type Session, sessionOf } from '../session.ts';
import { table, visible } from '../table.ts';
import { at, short, text } from '../values.ts';

/** The number of earlier events shown before new ones when following. */
const TAIL = 20;
const PAGE = 200;
const RETRY_MS = 500;

type Flags = { follow?: boolean; after?: string; limit: string; agent?: string; payment?: string };

export function eventsCommand(): Command {
  const command = new Command('events')
    .description(
      'The event log: attempts, denials, retries, reviews, signatures, broadcasts, settlements, administrator acts.',
    )
    .option('-f, --follow', 'Go on as the log grows; survives restarts of the server')
    .option('--after <seq>', 'Begin after this event; without it, with the last ones')
    .option('--limit <number>', 'How many of the last ones', '50')
    .option('--agent <id>', 'Only those of an agent')
    .option('--payment <id>', 'Only those of a payment')
    .addHelpText(
      'after',
      examples([
        'bursar events',
        'bursar events --payment pay_01k3x7gq5nf8b9c2v4m6t0w1yz',
        'bursar events --follow --json | jq -c "select(.type == \\"payment.denied\\")"',
      ]),
    )
    .action((flags: Flags) => (flags.follow ? follow(sessionOf(command), flags) : list(sessionOf(command), flags)));
  return command;
}

async function list(session: Session, flags: Flags): Promise<void> {
  const { screen } = session;
  const client = session.client();
  const filter = { agent: flags.agent, payment: flags.payment };
  if (flags.after !== undefined) {
    const answer = await client.call('list_events', { ...filter, after: flags.after, limit: flags.limit });
    return show(screen, answer.events as Document[], answer);
  }
  // The operation pages forward; the last events of a filter are known only at the end.
  const isFiltered = filter.agent !== undefined || filter.payment !== undefined;
  const probe = await client.call('list_events', { ...filter, limit: flags.limit });
  const wanted = Number(flags.limit);
  // Events that seal rows are not shown.
  let after = isFiltered ? 0 : Math.max(0, Number(at(probe, 'head.seq') ?? 0) - 4 * wanted);
  let events: Document[] = [];
  for (;;) {
    const page = (await client.call('list_events', { ...filter, after, limit: PAGE })).events as Document[];
    events = [...events, ...page].slice(-wanted);
    if (page.length < PAGE) break;
    after = Number(page.at(-1)?.seq);
  }
  show(screen, events, { events, head: probe.head });
}

function show(screen: Screen, events: Document[], document: Document): void {
  screen.document(document);
  if (screen.json) return;
  const fields: readonly (readonly [string, (event: Document) => string])[] = [
    ['seq', (event) => text(event.seq)],
    ['at', (event) => text(event.at)],
    ['type', (event) => text(event.type)],
    ['payment', (event) => text(event.payment)],
    ['agent', (event) => text(event.agent)],
    ['workflow', (event) => text(event.workflow)],
    ['sponsor', (event) => text(event.sponsor)],
    ['policy', (event) => short(event.policy_digest)],
    ['by', (event) => text(event.actor)],
    ['data', (event) => text(event.data)],
  ];
  for (const line of table(
    fields.map(([title, cell]) => ({ title, cell })),
    events,
  ))
    screen.line(line);
}

/** Until the process is told to end. */
async function follow(session: Session, flags: Flags): Promise<void> {
  const { screen } = session;
  const client = session.client();
  const ending = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => ending.abort());
  // A reader that has gone, such as `head`, also ends it.
  process.stdout.once('error', () => ending.abort());
  const first = await client.call('list_events', { limit: 1 });
  let seq = flags.after === undefined ? Math.max(0, Number(at(first, 'head.seq') ?? 0) - TAIL) : Number(flags.after);
  if (!Number.isSafeInteger(seq)) seq = 0;
  while (!ending.signal.aborted) {
    try {
      for await (const event of client.events(seq, ending.signal)) {
        seq = Number(event.seq);
        if (isWanted(event, flags)) print(screen, event);
      }
    } catch (error) {
      // A stopping server may still answer with an error; one that refuses the key will refuse it again.
      if (!isPassing(error)) throw error;
      await sleep(RETRY_MS, undefined, { signal: ending.signal }).catch(() => undefined);
    }
  }
}

const isPassing = (error: unknown): boolean =>
  error instanceof SyntaxError || (error instanceof ProblemError && error.status >= 500);

function isWanted(event: Document, { agent, payment }: Flags): boolean {
  return (agent === undefined || event.agent === agent) && (payment === undefined || event.payment === payment);
}

function print(screen: Screen, event: Document): void {
  screen.jsonLine(event);
  if (screen.json) return;
  const who = (['payment', 'agent', 'workflow', 'sponsor'] as const)
    .filter((name) => typeof event[name] === 'string')
    .map((name) => `${name}=${text(event[name])}`);
  const policy = typeof event.policy_digest === 'string' ? [`policy=${short(event.policy_digest)}`] : [];
  const data = text(event.data);
  const rest = [
    ...who,
    ...policy,
    `by=${text(event.actor)}`,
    ...(data === '' ? [] : [screen.paint(visible(data), 'dim')]),
  ];
  screen.line(`${screen.paint(text(event.at), 'dim')}  ${String(event.type).padEnd(24)}  ${rest.join('  ')}`);
}
