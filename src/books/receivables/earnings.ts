import type { ReadTx, Tx } from '../../store/store.ts';
import { addEarnings, earningsOf } from './queries.ts';

/** Micro-USDC. `passedOn`: refunds and splits, from their hold on. */
export type Earnings = { received: bigint; passedOn: bigint };

/** An agent's earnings, kept as two sums, so that a decision's cost does not grow with the history. */
export async function readEarnings(tx: ReadTx, agentId: string): Promise<Earnings> {
  const row = await tx.get(earningsOf, { agent: agentId });
  return { received: row?.received_micro ?? 0n, passedOn: row?.passed_on_micro ?? 0n };
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
