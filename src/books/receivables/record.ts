import { newId, type ReceivableId } from '../../core/ids/ids.ts';
import type { Tx } from '../../store/store.ts';
import { notePaid } from './claims.ts';
import type { Inbound, Inflow } from './classify.ts';
import { addReceived } from './earnings.ts';
import { addToInvoice } from './invoices.ts';
import { addReceivable, setReceivableState } from './queries.ts';
import { earnedKinds, type Receivable, type ReceivableKind } from './receivable.ts';
import { type SaleState, setSaleState } from './sales.ts';

export type Position = { blockNumber: bigint; blockHash: string; txHash: string; logIndex: number };

/** Records what an agent received by one log, with its invoice, its sale and the agent's earnings. */
export async function recordInflow(
  tx: Tx,
  inflow: Inflow,
  what: Inbound,
  { log, paymentId, atMs }: { log: Position; paymentId: string | null; atMs: number },
): Promise<ReceivableId> {
  const id = newId('receivable');
  await tx.run(addReceivable, {
    id,
    agent: inflow.agentId,
    kind: what.kind,
    amount: inflow.amountMicro,
    payer: inflow.from,
    payment: paymentId,
    invoice: what.invoiceId,
    invoiceBy: what.invoiceBy,
    saleNonce: what.saleNonce,
    chain: inflow.chainId,
    tx: log.txHash,
    log: log.logIndex,
    block: log.blockNumber,
    blockHash: log.blockHash,
    receivedAt: inflow.atMs,
    at: atMs,
  });
  if (isEarned(what.kind)) await addReceived(tx, inflow.agentId, inflow.amountMicro);
  if (what.saleNonce !== null) {
    await setSaleState(tx, { chainId: inflow.chainId, payer: inflow.from, nonce: what.saleNonce }, 'paid');
  }
  if (what.invoiceId !== null) {
    const { amountMicro } = inflow;
    await notePaid(tx, await addToInvoice(tx, what.invoiceId, amountMicro), { receivableId: id, amountMicro }, atMs);
  }
  return id;
}

/** A reorg removed the log: undoes the receivable. A later block makes a new one. */
export async function orphanReceivable(tx: Tx, receivable: Receivable): Promise<void> {
  await tx.run(setReceivableState, { id: receivable.id, state: 'orphaned' });
  if (isEarned(receivable.kind)) await addReceived(tx, receivable.agentId, -receivable.amountMicro);
  if (receivable.invoiceId !== null) await addToInvoice(tx, receivable.invoiceId, -receivable.amountMicro);
  await setSaleStateOf(tx, receivable, 'expected');
}

/** Its block can no longer be undone. */
export async function finalizeReceivable(tx: Tx, receivable: Receivable): Promise<void> {
  await tx.run(setReceivableState, { id: receivable.id, state: 'final' });
  await setSaleStateOf(tx, receivable, 'closed');
}

async function setSaleStateOf(tx: Tx, { chainId, payer, saleNonce }: Receivable, state: SaleState): Promise<void> {
  if (saleNonce !== null) await setSaleState(tx, { chainId, payer, nonce: saleNonce }, state);
}

export function isEarned(kind: ReceivableKind): boolean {
  return earnedKinds.some((each) => each === kind);
}
