import { findReceivableAt } from '../../books/receivables/readReceivables.ts';
import { finalizeReceivable } from '../../books/receivables/record.ts';
import { closeLapsedSales } from '../../books/receivables/sales.ts';
import { invariant } from '../../core/errors/base.ts';
import { holdsMoney } from '../../core/payment/states.ts';
import { findPayment } from '../../decide/payments/records.ts';
import { transition } from '../../decide/payments/transition.ts';
import type { ReadTx, Tx } from '../../store/store.ts';
import { readCursor } from './cursor.ts';
import {
  blockBelow,
  cancellationsUpTo,
  forgetBlocksBelow,
  removeCancellation,
  setTransferState,
  timeUpTo,
  transfersToFinalize,
  transferToFinalize,
} from './queries.ts';
import type { TransferRow } from './rollBack.ts';

/** Tells whether anything at or below that block waits to become final. */
export async function needsFinalizing(tx: ReadTx, chainId: number, final: bigint): Promise<boolean> {
  return (
    (await tx.get(blockBelow, { chain: chainId, number: final })) !== undefined ||
    (await openTransfer(tx, chainId, final))
  );
}

async function openTransfer(tx: ReadTx, chainId: number, final: bigint): Promise<boolean> {
  return (await tx.get(transferToFinalize, { chain: chainId, block: final })) !== undefined;
}

/**
 * Blocks up to `final` can no longer be undone: payments settled there become final, authorizations cancelled there release their
 * hold, and older block hashes are deleted. Never beyond the last applied block.
 */
export async function finalize(tx: Tx, chainId: number, final: bigint, atMs: number): Promise<void> {
  const cursor = await readCursor(tx, chainId);
  if (!cursor) return;
  const upTo = final < cursor.number ? final : cursor.number;
  const rows = await tx.all(transfersToFinalize, { chain: chainId, block: upTo });
  for (const row of rows) {
    await tx.run(setTransferState, { chain: chainId, block: row.block_hash, log: row.log_index, state: 'final' });
    const at = { blockHash: row.block_hash, logIndex: Number(row.log_index) };
    const receivable = await findReceivableAt(tx, chainId, at);
    if (receivable) await finalizeReceivable(tx, receivable);
    if (row.match_kind === 'payment') await finalizePayment(tx, row, atMs);
  }
  await cancelRevoked(tx, chainId, upTo, atMs);
  const newest = await tx.get(timeUpTo, { chain: chainId, number: upTo });
  if (newest?.at != null) await closeLapsedSales(tx, chainId, Number(newest.at));
  await tx.run(forgetBlocksBelow, { chain: chainId, number: upTo });
}

async function finalizePayment(tx: Tx, row: TransferRow, atMs: number): Promise<void> {
  const payment = await findPayment(tx, row.match_id ?? '');
  const { settlement } = payment ?? {};
  const same = settlement?.blockHash === row.block_hash && BigInt(settlement.logIndex) === row.log_index;
  invariant(payment && same, 'A settled payment and its transfer differ.', { payment: row.match_id });
  await transition(tx, payment, 'finalize', { actor: 'bursar', atMs, data: { block: row.block_number.toString() } });
}

/** A cancelled nonce can never be used once its block is final. */
async function cancelRevoked(tx: Tx, chainId: number, upTo: bigint, atMs: number): Promise<void> {
  const rows = await tx.all(cancellationsUpTo, { chain: chainId, block: upTo });
  for (const row of rows) {
    const payment = row.payment_id === null ? undefined : await findPayment(tx, row.payment_id);
    if (payment && holdsMoney[payment.state]) {
      const data = { reason: 'authorization_cancelled', nonce: row.nonce, block: row.block_number.toString() };
      await transition(tx, payment, 'cancel', { actor: 'bursar', atMs, data });
    }
    await tx.run(removeCancellation, { chain: chainId, nonce: row.nonce });
  }
}
