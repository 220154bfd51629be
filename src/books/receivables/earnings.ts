import type { ReadTx, Tx } from '../../store/store.ts';
import { addEarnings, earningsOf } from './queries.ts';

/** Micro-USDC. `passedOn`: refunds and splits, from their hold on. */
export type Earnings = { received: bigint; passedOn: bigint };

/** Of one agent. */
export async function readEarnings(tx: ReadTx, agentId: string): Promise<Earnings> {
  return (await readEarningsOfEach(tx, [agentId])).get(agentId) ?? { received: 0n, passedOn: 0n };
}

/** The earnings of agents, kept as two sums each, so that a decision's cost does not grow with the history. */
export async function readEarningsOfEach(tx: ReadTx, agents: readonly string[]): Promise<Map<string, Earnings>> {
  const rows = await tx.getEach(
    earningsOf,
    agents.map((agent) => ({ agent })),
  );
  return new Map(
    agents.map((agent, index) => [
      agent,
      { received: rows[index]?.received_micro ?? 0n, passedOn: rows[index]?.passed_on_micro ?? 0n },
    ]),
  );
}

/** A negative amount takes back: a reorg, a claim, a release. */
export async function addReceived(tx: Tx, agentId: string, amountMicro: bigint): Promise<void> {
  await add(tx, agentId, amountMicro, 0n);
}
export async function addPassedOn(tx: Tx, agentId: string, amountMicro: bigint): Promise<void> {
  await add(tx, agentId, 0n, amountMicro);
}

async function add(tx: Tx, agentId: string, received: bigint, passedOn: bigint): Promise<void> {
  await tx.run(addEarnings, { agent: agentId, received, passedOn });
}
