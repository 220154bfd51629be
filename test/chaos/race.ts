import { type Asked, startPayers } from './payers.ts';
import { type ChaosOptions, type Result, runIn } from './scenario.ts';
import { openWorld } from './world.ts';

const AGENTS = 24;
const CLIENTS = 96;
const LARGEST_MICRO = 20_000;
/** About the part of the requests that the budget has money for. */
const ACCEPTED = 0.15;

/** `count` requests of many agents race for one budget. */
export async function race(options: ChaosOptions): Promise<Result> {
  const { seed, count, say } = options;
  const budgetMicro = BigInt(Math.round((count * ACCEPTED * LARGEST_MICRO) / 2));
  const world = await openWorld({ seed, agents: AGENTS, budgetMicro });
  const { random } = world;
  try {
    return await runIn(world, 'race', seed, async () => {
      const payers = startPayers(world, {
        clients: CLIENTS,
        payments: count,
        doubled: 0.02,
        amount: () => BigInt(random.whole(1, LARGEST_MICRO)),
      });
      const timer = setInterval(() => say(`${payers.answered()} of ${count} answered`), 30_000);
      await payers.done;
      clearInterval(timer);
      const spent = sum(payers.asked.filter(({ state }) => state !== null && state !== 'denied'));
      const counts = {
        requests: count,
        'budget micro-USDC': Number(budgetMicro),
        'accepted micro-USDC': Number(spent),
      };
      return { payers, counts, findings: overBudget(payers.asked, spent, budgetMicro) };
    });
  } finally {
    await world.close();
  }
}

/** The budget is never passed, and no request is denied that fits into what is left at the end: the total only grows. */
function overBudget(asked: readonly Asked[], spent: bigint, budget: bigint): string[] {
  const findings = spent > budget ? [`${spent} was accepted of ${budget}`] : [];
  const fits = asked.filter(({ state, micro }) => state === 'denied' && micro <= budget - spent);
  return [...findings, ...fits.map(({ key }) => `${key} was denied though it fits`)];
}

const sum = (asked: readonly Asked[]): bigint => asked.reduce((total, { micro }) => total + micro, 0n);
