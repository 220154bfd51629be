import type { ReadTx, Tx } from '../../store/store.ts';

/** Micro-USDC. `passedOn`: refunds and splits, from their hold on. */
export type Earnings = { received: bigint; passedOn: bigint };

/** What the agent has earned so far; kept as two sums, so that a decision costs the same however long the past is. */
export function readEarnings(tx: ReadTx, agentId: string): Earnings {
  const row = tx.get<{ received_micro: bigint; passed_on_micro: bigint }>(
    'SELECT received_micro, passed_on_micro FROM earnings WHERE agent_id = ?',
    agentId,
  );
  return { received: row?.received_micro ?? 0n, passedOn: row?.passed_on_micro ?? 0n };
}

/** Below zero takes back: a reorg, a claim, a release. */
export function addReceived(tx: Tx, agentId: string, amountMicro: bigint): void {
  add(tx, agentId, amountMicro, 0n);
}
export function addPassedOn(tx: Tx, agentId: string, amountMicro: bigint): void {
  add(tx, agentId, 0n, amountMicro);
}

function add(tx: Tx, agentId: string, received: bigint, passedOn: bigint): void {
  tx.run(
    `INSERT INTO earnings (agent_id, received_micro, passed_on_micro) VALUES (?, ?, ?)
     ON CONFLICT (agent_id) DO UPDATE SET received_micro = received_micro + excluded.received_micro,
       passed_on_micro = passed_on_micro + excluded.passed_on_micro`,
    agentId,
    received,
    passedOn,
  );
}
