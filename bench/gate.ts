import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openBooks } from '../src/books/ledger/rowSeals.ts';
import { loadPolicy } from '../src/decide/policy/loadPolicy.ts';
import type { Policy } from '../src/decide/policy/policy.ts';
import { anchored } from './anchored.ts';
import { CALLERS, runCallers } from './callers.ts';
import { type Figure, median, type Say } from './figure.ts';
import { readRows, writeRows } from './rawRows.ts';
import { type Breakdown, measureStages } from './stages.ts';
import { inTemporaryFolder, makeWorldFile, START_MS, type World, wideStarterBundle } from './world.ts';

const ROUNDS = 7;
const PAYMENTS = 8_000;

/**
 * The gate, durable, under 64 callers, against hand-written statements that write the very same rows at 64 a commit. Rounds
 * alternate; each starts from a copy of one database. The ratio is the median of the rounds' ratios.
 */
export async function gate(say: Say): Promise<Figure[]> {
  const policy = await loadPolicy(await wideStarterBundle());
  return await inTemporaryFolder(async (folder) => {
    const base = join(folder, 'base.sqlite');
    const world = await makeWorldFile(base, START_MS - 86_400_000);
    const rates: { gate: number; raw: number }[] = [];
    // The first round warms the compilers up and is not counted.
    for (let round = 0; round <= ROUNDS; round += 1) {
      const rate = await oneRound(join(folder, `${round}`), base, world, policy);
      if (round === 0) continue;
      say(`round ${round}: gate ${Math.round(rate.gate)}/s, raw SQLite ${Math.round(rate.raw)}/s`);
      rates.push(rate);
    }
    const load = { base, world, policy, payments: PAYMENTS };
    const stages = await measureStages(join(folder, 'stages.sqlite'), load);
    sayStages(say, stages);
    const withTree = await anchored(say, folder, load);
    return [
      {
        figure: 'gate_over_raw_sqlite',
        ratio: median(rates.map(({ gate: ours, raw }) => ours / raw)),
        goal: '>=0.5',
        numbers: {
          gate_per_s: median(rates.map((rate) => rate.gate)),
          raw_per_s: median(rates.map((rate) => rate.raw)),
          callers: CALLERS,
          payments_per_round: PAYMENTS,
          ...Object.fromEntries(Object.entries(stages).map(([name, us]) => [`${name}_us`, us])),
        },
      },
      withTree,
    ];
  });
}

async function oneRound(
  prefix: string,
  base: string,
  world: World,
  policy: Policy,
): Promise<{ gate: number; raw: number }> {
  const [ours, theirs] = [`${prefix}-gate.sqlite`, `${prefix}-raw.sqlite`];
  await Promise.all([copyFile(base, ours), copyFile(base, theirs)]);
  const store = await openBooks(ours);
  const rate = await runCallers({
    store,
    policy,
    world,
    from: 0,
    payments: PAYMENTS,
    clock: (n) => START_MS + n,
  });
  await store.close();
  return { gate: rate, raw: writeRows(theirs, readRows(ours), CALLERS) };
}

function sayStages(say: Say, stages: Breakdown): void {
  const total = Object.values(stages).reduce((sum, us) => sum + us, 0);
  say('where the time of one payment goes (measured inside, in a run of its own):');
  for (const [name, us] of Object.entries(stages)) {
    say(`  ${name.padEnd(12)} ${us.toFixed(1).padStart(7)} us ${((us / total) * 100).toFixed(0).padStart(3)} %`);
  }
}
