import { newId, type ReceivableId } from '../../core/ids/ids.ts';
import type { Tx } from '../../store/store.ts';
import { notePaid } from './claims.ts';
import type { Inbound, Inflow } from './classify.ts';
import { addReceived } from './earnings.ts';
import { addToInvoice } from './invoices.ts';
import { addReceivable, setReceivableState } from './queries.ts';
import { earnedKinds, type Receivable, type ReceivableKind } from './receivable.ts';
import { setSaleState } from './sales.ts';

export type Position = { blockNumber: bigint; blockHash: string; txHash: string; logIndex: number };

/** Notes what an agent received by one log; its invoice, its sale and the agent's earnings go with it. */
export function recordInflow(
  tx: Tx,
  inflow: Inflow,
  what: Inbound,
  at: Position,
  context: { paymentId: string | null; atMs: number },
): ReceivableId {
  const id = newId('receivable');
  tx.run(addReceivable, {
    id,
    agent: inflow.agentId,
    kind: what.kind,
    amount: inflow.amountMicro,
    payer: inflow.from,
    payment: context.paymentId,
    invoice: what.invoiceId,
    invoiceBy: what.invoiceBy,
    saleNonce: what.saleNonce,
    chain: inflow.chainId,
    tx: at.txHash,
    log: at.logIndex,
    block: at.blockNumber,
    blockHash: at.blockHash,
    receivedAt: inflow.atMs,
    at: context.atMs,
  });
  if (isEarned(what.kind)) addReceived(tx, inflow.agentId, inflow.amountMicro);
  if (what.saleNonce !== null) setSaleState(tx, inflow.chainId, inflow.from, what.saleNonce, 'paid');
  if (what.invoiceId !== null) {
    notePaid(tx, id, addToInvoice(tx, what.invoiceId, inflow.amountMicro), inflow.amountMicro, context.atMs);
  }
  return id;
}

/** A reorg took the log away: as if it had never come. A later block has a receivable of its own. */
export function orphanReceivable(tx: Tx, receivable: Receivable): void {
  tx.run(setReceivableState, { id: receivable.id, state: 'orphaned' });
  if (isEarned(receivable.kind)) addReceived(tx, receivable.agentId, -receivable.amountMicro);
  if (receivable.invoiceId !== null) addToInvoice(tx, receivable.invoiceId, -receivable.amountMicro);
  if (receivable.saleNonce !== null) {
    setSaleState(tx, receivable.chainId, receivable.payer, receivable.saleNonce, 'expected');
  }
}

/** Its block can no longer be undone. */
export function finalizeReceivable(tx: Tx, receivable: Receivable): void {
  tx.run(setReceivableState, { id: receivable.id, state: 'final' });
  if (receivable.saleNonce !== null) {
    setSaleState(tx, receivable.chainId, receivable.payer, receivable.saleNonce, 'closed');
  }
}

export function isEarned(kind: ReceivableKind): boolean {
  return earnedKinds.some((each) => each === kind);
}
