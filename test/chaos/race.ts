import { type Asked, startPayers } from './payers.ts';
import type { ChaosOptions, Done, Scenario } from './scenario.ts';
import type { World } from './world.ts';

/** Enough for the limit of requests of one agent not to be met. */
const AGENTS = 24;
const CLIENTS = 96;
const LARGEST_MICRO = 20_000;
/** About the part of the requests that the budget has money for. */
const ACCEPTED = 0.15;

/** Requests of many agents that race for one budget. */
export const race: Scenario = {
  name: 'race',
  needs: (count) => ({
    serverCount: 3,
    agents: Math.min(AGENTS, Math.ceil(count / 100)),
    budgetMicro: 1_000_000n + BigInt(Math.round((count * ACCEPTED * LARGEST_MICRO) / 2)),
  }),
  faults,
};

async function faults(world: World, { count, minutes, say }: ChaosOptions): Promise<Done> {
  const { random, budgetMicro } = world;
  const before = accepted(world.asked);
  const payers = startPayers(world, {
    name: 'race',
    clients: CLIENTS,
    payments: count,
    doubled: 0.02,
    amount: () => BigInt(random.whole(1, LARGEST_MICRO)),
  });
  const timer = setInterval(() => say(`${payers.answered()} of ${count} answered`), 30_000);
  const end = setTimeout(() => void payers.finish(), minutes * 60_000);
  await payers.done;
  clearTimeout(end);
  clearInterval(timer);
  const spent = before + accepted(payers.asked);
  const counts = {
    requests: payers.answered(),
    'budget micro-USDC': Number(budgetMicro),
    'accepted micro-USDC': Number(spent),
  };
  return { payers, counts, findings: overBudget(payers.asked, spent, budgetMicro) };
}

/** The budget is never passed, and no request is denied that fits into what is left at the end: the total only grows. */
function overBudget(asked: readonly Asked[], spent: bigint, budget: bigint): string[] {
  const findings = spent > budget ? [`${spent} was accepted of ${budget}`] : [];
  const fits = asked.filter(({ state, micro }) => state === 'denied' && micro <= budget - spent);
  return [...findings, ...fits.map(({ key }) => `${key} was denied though it fits`)];
}

const accepted = (asked: readonly Asked[]): bigint =>
  asked.reduce((sum, { state, micro }) => (state !== null && state !== 'denied' ? sum + micro : sum), 0n);
