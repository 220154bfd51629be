import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { checkFigures } from '../src/books/ledger/check.ts';
import { loadPolicy } from '../src/decide/policy/loadPolicy.ts';
import type { Policy } from '../src/decide/policy/policy.ts';
import { openStore, type Store } from '../src/store/store.ts';
import { runCallers } from './callers.ts';
import { type Example, examplePayment } from './example.ts';
import { type Figure, median, type Say } from './figure.ts';
import { seedPayments } from './seedPayments.ts';
import { inTemporaryFolder, makeWorldFile, START_MS, type World, wideStarterBundle } from './world.ts';

const FEW = 1_000;
const MANY = 1_000_000;
const ROUNDS = 7;
const PAYMENTS = 2_000;
/**
 * A payment every 5.184 seconds: a million of them are 60 days, so that the 30-day window is full and lets one entry go for
 * each that comes, as the hour's does in both databases. New payments keep the pace.
 */
const PACE_MS = 5_184;
/** Before all of the past, in both databases. */
const FOUNDED_MS = START_MS - MANY * PACE_MS - 86_400_000;

/** The gate's rate with a million past payments against its rate with a thousand. Rounds alternate. */
export async function history(say: Say, many = MANY): Promise<Figure[]> {
  const policy = await loadPolicy(await wideStarterBundle());
  return await inTemporaryFolder(async (folder) => {
    const base = join(folder, 'base.sqlite');
    const world = await makeBase(base, policy);
    const open = async (payments: number): Promise<Store> => {
      const path = join(folder, `past-${payments}.sqlite`);
      await copyFile(base, path);
      const startedAt = performance.now();
      const { example } = world;
      await seedPayments(path, { policy, world, example, payments, endMs: START_MS, paceMs: PACE_MS });
      say(`a past of ${payments} payments laid in ${((performance.now() - startedAt) / 1_000).toFixed(1)} s`);
      return openStore(path);
    };
    const few = await open(FEW);
    const { ok, findings } = await checkFigures(few, null);
    if (!ok) throw new Error(`The past is not what payments leave: ${findings.join(' ')}`);
    const lots = await open(many);
    try {
      const rates: { few: number; many: number }[] = [];
      for (let round = 0; round <= ROUNDS; round += 1) {
        const run = (store: Store): Promise<number> =>
          runCallers({
            store,
            policy,
            world,
            from: 10_000_000 + round * PAYMENTS,
            payments: PAYMENTS,
            clock: (n) => START_MS + (n - 10_000_000) * PACE_MS,
          });
        const rate = { few: await run(few), many: await run(lots) };
        // The first round fills the caches of both.
        if (round === 0) continue;
        say(`round ${round}: ${rate.few.toFixed(0)}/s with ${FEW}, ${rate.many.toFixed(0)}/s with ${many}`);
        rates.push(rate);
      }
      return [
        {
          figure: 'rate_1m_over_1k',
          ratio: median(rates.map((rate) => rate.many / rate.few)),
          goal: '>=0.9',
          numbers: {
            rate_1k_per_s: median(rates.map((rate) => rate.few)),
            rate_1m_per_s: median(rates.map((rate) => rate.many)),
            seeded_payments: many,
            payments_per_round: PAYMENTS,
          },
        },
      ];
    } finally {
      await few.close();
      await lots.close();
    }
  });
}

/** The example is made in a file of its own: it is there to be copied, and has no transfer to go with it. */
async function makeBase(path: string, policy: Policy): Promise<World & { example: Example }> {
  const world = await makeWorldFile(path, FOUNDED_MS);
  const apart = `${path}.example`;
  await copyFile(path, apart);
  const store = await openStore(apart);
  try {
    return { ...world, example: await examplePayment(store, policy, world, FOUNDED_MS + 1_000) };
  } finally {
    await store.close();
  }
}
