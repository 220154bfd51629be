import { setTimeout as sleep } from 'node:timers/promises';
import { Command } from 'commander';
import { BursarError } from '../../../core/errors/base.ts';
import { EXIT } from '../exit.ts';
import { type Document, examples, finish } from '../operationCommand.ts';
import { type Session, sessionOf } from '../session.ts';
import { at, text } from '../values.ts';

type Flags = { all?: boolean; reason: string; wait?: boolean };
const LOOK_EVERY_MS = 250;

export function stopCommand(): Command {
  const command = new Command('stop')
    .description(
      'Stop an agent everywhere in one action: keys, queue, schedules, mandates, 402 authorizations, purse, wallet. Then tell seconds and USDC at risk until zero.',
    )
    .argument('[agent]')
    .option('--all', 'Every agent')
    .requiredOption('--reason <text>', 'Why, for the event log')
    .option('--no-wait', 'Do not follow it')
    .addHelpText(
      'after',
      examples([
        'bursar stop researcher --reason "it buys too much"',
        'bursar stop --all --reason "the server was broken into"',
      ]),
    )
    .action((agent: string | undefined, flags: Flags) => stop(sessionOf(command), agent, flags));
  return command;
}

async function stop(session: Session, agent: string | undefined, { all, reason, wait }: Flags): Promise<void> {
  if ((agent === undefined) === (all !== true)) {
    throw new BursarError('invalid_request', { message: 'Say which agent, or --all.' });
  }
  const client = session.client();
  const asked =
    agent === undefined
      ? await client.call('stop_all', { reason })
      : await client.call('stop_agent', { id: agent, reason });
  const ids =
    agent === undefined ? (asked.stops as Document[]).map((each) => String(each.agent)) : [String(asked.agent)];
  const { screen } = session;
  const look = async (): Promise<Document[]> =>
    Promise.all(ids.map(async (id) => (await client.call('get_stop', { id })) as Document));
  let stops = await look();
  let shown = '';
  for (;;) {
    const line = stops.map(summary).join('\n');
    if (line !== shown) screen.line(line);
    shown = line;
    const over = stops.every((each) => each.state === 'ended' || waitsForPeople(each));
    if (wait === false || over) break;
    await sleep(LOOK_EVERY_MS);
    stops = await look();
  }
  screen.document(agent === undefined ? { stops } : stops[0]);
  for (const { name, steps } of stops) {
    for (const { state, step, detail, call } of steps as Document[]) {
      if (state === 'needs_people')
        screen.note(
          `${text(name)}: ${text(step)}: ${text(detail)} to=${text(at(call, 'to'))} data=${text(at(call, 'data'))}`,
        );
    }
  }
  finish(stops.some(waitsForPeople) ? EXIT.refused : EXIT.ok);
}

const waitsForPeople = ({ steps, state }: Document): boolean =>
  state !== 'ended' && (steps as Document[]).some((step) => step.state === 'needs_people');

function summary(stop: Document): string {
  const steps = (stop.steps as Document[]).map((step) => `${text(step.step)} ${text(step.state)}`).join(', ');
  const seconds = Number(stop.seconds).toFixed(1);
  return `${text(stop.name)}: ${text(stop.state)} after ${seconds} s, ${text(at(stop, 'at_risk.value'))} USDC at risk${steps ? ` (${steps})` : ''}`;
}
