import { readFileSync, statSync } from 'node:fs';
import { Command } from 'commander';
import type { MeterDeclarations } from '../../../books/meters/declarations.ts';
import { BursarError } from '../../../core/errors/base.ts';
import { formatUsdc, parseUsdc } from '../../../core/money/microUsdc.ts';
import type { Change, Decided } from '../../../decide/policy/candidate.ts';
import type { Policy } from '../../../decide/policy/policy.ts';
import { examples } from '../operationCommand.ts';
import { type Session, sessionOf } from '../session.ts';
import { text } from '../values.ts';
import { drawDifferences, drawSummary } from './policyShadow.ts';
import {
  countEarlier,
  type Earlier,
  earlierPayment,
  firstDecisions,
  type StoredDecision,
} from './replayedDecisions.ts';

const DECISIONS_MAX = 1_000;
const COUNTED_MAX = 20_000;
/** A slow machine must not change the results. */
const PATIENT = { evaluationLimitMs: 10_000, probeLimitMs: 30_000 };

export function replayCommand(): Command {
  const command = new Command('replay')
    .description(
      'Decide past payments again with another policy, on the inputs of then, and show what differs. It runs here: the server only reads.',
    )
    .argument('<dir, bundle or digest>')
    .option('--since <time>', 'Of this time (RFC 3339) or later')
    .option('--max <n>', 'So many payments at most, newest first', String(DECISIONS_MAX))
    .option(
      '--count <n>',
      'For meters that were not kept then, count so many payments before those at most',
      String(COUNTED_MAX),
    )
    .addHelpText(
      'after',
      examples(['bursar policy replay my-policy', 'bursar policy replay sha256:9a41… --since 2026-11-01T00:00:00Z']),
    )
    .action((policy: string, { since, ...given }: { since?: string; max: string; count: string }) =>
      replay(sessionOf(command), policy, {
        since,
        max: wholeNumber('--max', given.max),
        count: wholeNumber('--count', given.count),
      }),
    );
  return command;
}

function wholeNumber(option: string, given: string): number {
  if (!/^[1-9]\d{0,6}$/.test(given))
    throw new BursarError('invalid_request', { message: `${option} is a whole number.` });
  return Number(given);
}

type Bounds = { since: string | undefined; max: number; count: number };
/** A decision that waits for counts of meters that were not kept then. */
type Waiting = { each: StoredDecision; kept: MeterDeclarations };

async function replay(session: Session, given: string, bounds: Bounds): Promise<void> {
  const { loadPolicy } = await import('../../../decide/policy/loadPolicy.ts');
  const { decideAgain, metersUnlike } = await import('../../../decide/policy/candidate.ts');
  const stored = storedPolicies(session, (bundle) => loadPolicy(bundle, PATIENT));
  const candidate = given.startsWith('sha256:')
    ? await stored(given)
    : await loadPolicy(await bundleAt(given), PATIENT);
  const tally = newTally();
  const waiting: Waiting[] = [];
  const unlike = new Set<string>();
  const earlier: Earlier = { payments: [], seq: 0 };
  let read = 0;
  for await (const each of firstDecisions(session, { since: bounds.since, before: null })) {
    const { meters: kept } = await stored(each.policy_digest);
    const names = metersUnlike(candidate.meters, kept);
    for (const name of names) unlike.add(name);
    if (names.length > 0) waiting.push({ each, kept });
    else tally.add(each, decideAgain(candidate, kept, each));
    // What is newer than all that wait counts for none of them.
    if (waiting.length > 0) earlier.payments.push(await earlierPayment(each));
    earlier.seq = each.seq;
    read += 1;
    if (read === bounds.max) break;
  }
  let from: number | null = null;
  if (waiting.length > 0) {
    const declarations = Object.fromEntries(Object.entries(candidate.meters).filter(([name]) => unlike.has(name)));
    const wanted = new Map(waiting.map(({ each }) => [each.payment, Date.parse(each.at)]));
    const counts = await countEarlier(session, declarations, earlier, { wanted, limit: bounds.count });
    from = counts.from;
    for (const { each, kept } of waiting) {
      tally.add(each, decideAgain(candidate, kept, { ...each, readings: counts.of(each.payment) }));
    }
  }
  const counted = { meters: [...unlike].sort(), from: from === null ? null : new Date(from).toISOString() };
  draw(session, candidate.digest, counted, tally.totals());
}

type Counted = { meters: string[]; from: string | null };

function draw({ screen }: Session, digest: string, counted: Counted, totals: Totals): void {
  const { summary, differences, undecided } = totals;
  screen.document({ digest, summary, differences, meters_counted: counted, without_meters: undecided });
  if (screen.json) return;
  screen.line(`${digest}, on what was decided before`);
  drawSummary(screen, summary);
  drawDifferences(screen, differences);
  if (counted.meters.length > 0) {
    const from = counted.from === null ? '' : `, from ${counted.from} on`;
    screen.line(`${counted.meters.map(text).join(', ')}: counted from the payments as they happened${from}.`);
  }
  if (undecided.payments > 0) {
    screen.line(
      `${undecided.payments} payments cannot be decided again: windows of ${undecided.meters.join(', ')} reach further back than what was counted. Raise --count.`,
    );
  }
}

/** Policies of the server by digest, each fetched once. */
function storedPolicies(
  session: Session,
  load: (bundle: string) => Promise<Policy>,
): (digest: string) => Promise<Policy> {
  const known = new Map<string, Promise<Policy>>();
  return (digest) => {
    const found =
      known.get(digest) ??
      session
        .client()
        .call('get_policy_bundle', { digest })
        .then(({ bundle }) => load(String(bundle)));
    known.set(digest, found);
    return found;
  };
}

async function bundleAt(path: string): Promise<string> {
  const found = statSync(path, { throwIfNoEntry: false });
  if (!found) throw new BursarError('invalid_request', { message: `There is no ${path}.` });
  if (!found.isDirectory()) return readFileSync(path, 'utf8');
  const { compilePolicyDirectory } = await import('../../../decide/policy/compile.ts');
  return compilePolicyDirectory(path);
}

type Totals = ReturnType<ReturnType<typeof newTally>['totals']>;

function newTally() {
  const counts = { decided: 0, same: 0, other_reasons: 0 };
  const changes = new Map<string, Change>();
  const differences: { seq: number; difference: Record<string, unknown> }[] = [];
  const lacking = new Set<string>();
  let lacks = 0;
  return {
    add({ seq, payment, at, amount }: StoredDecision, decided: Decided): void {
      if ('lacks' in decided) {
        lacks += 1;
        for (const meter of decided.lacks) lacking.add(meter);
        return;
      }
      const { active, shadow, isSame, failure } = decided;
      counts.decided += 1;
      if (isSame) {
        counts.same += 1;
        return;
      }
      differences.push({ seq, difference: { payment, at, amount, active, shadow, failure } });
      if (active.effect === shadow.effect) {
        counts.other_reasons += 1;
        return;
      }
      const key = `${active.effect} ${shadow.effect}`;
      const before = changes.get(key) ?? { active: active.effect, shadow: shadow.effect, count: 0, amountMicro: 0n };
      const amountMicro = before.amountMicro + parseUsdc(amount.value);
      changes.set(key, { ...before, count: before.count + 1, amountMicro });
    },
    totals: () => ({
      summary: {
        ...counts,
        changes: [...changes.values()]
          .sort((a, b) => b.count - a.count)
          .map(({ amountMicro, ...change }) => ({
            ...change,
            amount: { value: formatUsdc(amountMicro), currency: 'USDC' },
          })),
      },
      differences: differences.sort((a, b) => b.seq - a.seq).map(({ difference }) => difference),
      undecided: { payments: lacks, meters: [...lacking].sort().map(text) },
    }),
  };
}
