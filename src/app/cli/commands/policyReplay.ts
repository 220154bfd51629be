import { readFileSync, statSync } from 'node:fs';
import { Command } from 'commander';
import { BursarError } from '../../../core/errors/base.ts';
import { formatUsdc, parseUsdc } from '../../../core/money/microUsdc.ts';
import type { Change, Decided } from '../../../decide/policy/candidate.ts';
import type { Policy } from '../../../decide/policy/policy.ts';
import { examples } from '../operationCommand.ts';
import { type Session, sessionOf } from '../session.ts';
import { text } from '../values.ts';
import { drawDifferences, drawSummary } from './policyShadow.ts';

const PAGE = 200;
const DECISIONS_MAX = 1_000;
/** A slow machine must not change the results. */
const PATIENT = { evaluationLimitMs: 10_000, probeLimitMs: 30_000 };

type Stored = {
  seq: number;
  payment: string;
  at: string;
  amount: { value: string };
  policy_digest: string;
  first: boolean;
  input: string;
  result: string;
};

export function replayCommand(): Command {
  const command = new Command('replay')
    .description(
      'Decide past payments again with another policy, on the inputs of then, and show what differs. It runs here: the server only reads.',
    )
    .argument('<dir, bundle or digest>')
    .option('--since <time>', 'Of this time (RFC 3339) or later')
    .option('--max <n>', 'So many payments at most, newest first', String(DECISIONS_MAX))
    .addHelpText(
      'after',
      examples(['bursar policy replay my-policy', 'bursar policy replay sha256:9a41… --since 2026-11-01T00:00:00Z']),
    )
    .action((policy: string, { since, max }: { since?: string; max: string }) => {
      if (!/^[1-9]\d{0,6}$/.test(max))
        throw new BursarError('invalid_request', { message: '--max is a whole number.' });
      return replay(sessionOf(command), policy, since, Number(max));
    });
  return command;
}

async function replay(session: Session, given: string, since: string | undefined, max: number): Promise<void> {
  const { loadPolicy } = await import('../../../decide/policy/loadPolicy.ts');
  const { decideAgain } = await import('../../../decide/policy/candidate.ts');
  const stored = storedPolicies(session, (bundle) => loadPolicy(bundle, PATIENT));
  const candidate = given.startsWith('sha256:')
    ? await stored(given)
    : await loadPolicy(await bundleAt(given), PATIENT);
  const tally = newTally();
  for await (const each of decisions(session, since, max)) {
    const before = await stored(each.policy_digest);
    tally.add(each, decideAgain(candidate, before.meters, each));
  }
  const { summary, differences, undecided } = tally.totals();
  const { screen } = session;
  screen.document({ digest: candidate.digest, summary, differences, without_meters: undecided });
  if (screen.json) return;
  screen.line(`${candidate.digest}, on what was decided before`);
  drawSummary(screen, summary);
  drawDifferences(screen, differences);
  if (undecided.payments > 0) {
    screen.line(
      `${undecided.payments} payments cannot be decided again: their inputs lack ${undecided.meters.join(', ')}, which nobody counted then.`,
    );
  }
}

/** The payments' first decisions, page by page, newest first. */
async function* decisions(session: Session, since: string | undefined, max: number): AsyncGenerator<Stored> {
  const client = session.client();
  let given = 0;
  let cursor: number | null = null;
  do {
    const page: Record<string, unknown> = await client.call('list_decisions', {
      limit: PAGE,
      ...(since === undefined ? {} : { since }),
      ...(cursor === null ? {} : { cursor }),
    });
    for (const each of page.decisions as Stored[]) {
      if (!each.first) continue;
      yield each;
      given += 1;
      if (given === max) return;
    }
    cursor = page.next_cursor as number | null;
  } while (cursor !== null);
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

function newTally() {
  const counts = { decided: 0, same: 0, other_reasons: 0 };
  const changes = new Map<string, Change>();
  const differences: Record<string, unknown>[] = [];
  const lacking = new Set<string>();
  let lacks = 0;
  return {
    add({ payment, at, amount }: Stored, decided: Decided): void {
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
      differences.push({ payment, at, amount, active, shadow, failure });
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
      differences,
      undecided: { payments: lacks, meters: [...lacking].sort().map(text) },
    }),
  };
}
