import { newId } from '../ids/ids.ts';
import { appendEvent } from '../ledger/events.ts';
import { formatUsdc } from '../money/microUsdc.ts';
import type { ReadTx, Tx } from '../store/store.ts';
import type { Party } from './addressBook.ts';
import { raiseOnce } from './alerts.ts';
import type { Explanation } from './explain.ts';
import type { LogPosition, TransferFact } from './facts.ts';

export type ReceivableKind = 'deposit' | 'agent_payment' | 'x402_sale' | 'unmatched';
export type ReceivableRow = { id: string; agent_id: string; kind: ReceivableKind };

/** What a transfer is to the one who receives it; null where it only moves between the agent's own places. */
export function receivableKindOf(explanation: Explanation, from: Party | null, to: Party): ReceivableKind | null {
  switch (explanation.kind) {
    case 'receivable':
      return explanation.receivable;
    case 'payment':
      if (explanation.payment.agentId === to.agentId) return null;
      return explanation.payment.rail === 'x402' ? 'x402_sale' : 'agent_payment';
    case 'internal':
      return explanation.id === 'sweep' && from?.agentId === to.agentId ? null : 'unmatched';
    case 'unexplained':
      return 'unmatched';
    default:
      return explanation satisfies never;
  }
}

/** Notes what an agent received by one log. Unmatched money also raises the agent's alert about it. */
export function recordReceivable(
  tx: Tx,
  kind: ReceivableKind,
  transfer: TransferFact,
  to: Party,
  context: { chainId: number; atMs: number; paymentId: string | null },
): string {
  const id = newId('receivable');
  const { at } = transfer;
  tx.run(
    `INSERT INTO receivables (id, agent_id, kind, state, amount_micro, payer_address, payment_id, chain_id, tx_hash, log_index,
       block_number, block_hash, created_at) VALUES (?, ?, ?, 'included', ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    id,
    to.agentId,
    kind,
    transfer.amount,
    transfer.from,
    context.paymentId,
    context.chainId,
    at.txHash,
    at.logIndex,
    at.blockNumber,
    at.blockHash,
    context.atMs,
  );
  const data = { receivable: id, kind, amount: formatUsdc(transfer.amount), from: transfer.from, place: to.place };
  const { agentId, sponsorId } = to;
  appendEvent(
    tx,
    {
      type: 'receivable.received',
      actor: 'bursar',
      paymentId: context.paymentId,
      agentId,
      sponsorId,
      data: { ...data, ...positionData(at) },
    },
    context.atMs,
  );
  if (kind === 'unmatched') {
    raiseOnce(
      tx,
      { type: 'unmatched_inflow', agentId, sponsorId, data: { ...data, ...positionData(at) } },
      context.atMs,
    );
  }
  return id;
}

export function findReceivable(
  tx: ReadTx,
  chainId: number,
  at: Pick<LogPosition, 'blockHash' | 'logIndex'>,
): ReceivableRow | undefined {
  return tx.get<ReceivableRow>(
    "SELECT id, agent_id, kind FROM receivables WHERE chain_id = ? AND block_hash = ? AND log_index = ? AND state <> 'orphaned'",
    chainId,
    at.blockHash,
    at.logIndex,
  );
}

/** A log's place, as events and alerts tell it. */
export function positionData(at: LogPosition): Record<string, unknown> {
  return {
    tx_hash: at.txHash,
    log_index: at.logIndex,
    block: at.blockNumber.toString(),
    block_hash: at.blockHash,
  };
}
