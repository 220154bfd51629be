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
export function needsFinalizing(tx: ReadTx, chainId: number, final: bigint): boolean {
  return tx.get(blockBelow, { chain: chainId, number: final }) !== undefined || openTransfer(tx, chainId, final);
}

function openTransfer(tx: ReadTx, chainId: number, final: bigint): boolean {
  return tx.get(transferToFinalize, { chain: chainId, block: final }) !== undefined;
}

/**
 * Blocks up to `final` can no longer be undone: payments settled there become final, authorizations cancelled there release their
 * hold, and older block hashes are deleted. Never beyond the last applied block.
 */
export function finalize(tx: Tx, chainId: number, final: bigint, atMs: number): void {
  const cursor = readCursor(tx, chainId);
  if (!cursor) return;
  const upTo = final < cursor.number ? final : cursor.number;
  const rows = tx.all(transfersToFinalize, { chain: chainId, block: upTo });
  for (const row of rows) {
    tx.run(setTransferState, { chain: chainId, block: row.block_hash, log: row.log_index, state: 'final' });
    const at = { blockHash: row.block_hash, logIndex: Number(row.log_index) };
    const receivable = findReceivableAt(tx, chainId, at);
    if (receivable) finalizeReceivable(tx, receivable);
    if (row.match_kind === 'payment') finalizePayment(tx, row, atMs);
  }
  cancelRevoked(tx, chainId, upTo, atMs);
  const newest = tx.get(timeUpTo, { chain: chainId, number: upTo });
  if (newest?.at != null) closeLapsedSales(tx, chainId, Number(newest.at));
  tx.run(forgetBlocksBelow, { chain: chainId, number: upTo });
}

function finalizePayment(tx: Tx, row: TransferRow, atMs: number): void {
  const payment = findPayment(tx, row.match_id ?? '');
  const { settlement } = payment ?? {};
  const same = settlement?.blockHash === row.block_hash && BigInt(settlement.logIndex) === row.log_index;
  invariant(payment && same, 'A settled payment and its transfer differ.', { payment: row.match_id });
  transition(tx, payment, 'finalize', { actor: 'bursar', atMs, data: { block: row.block_number.toString() } });
}

/** A cancelled nonce can never be used once its block is final. */
function cancelRevoked(tx: Tx, chainId: number, upTo: bigint, atMs: number): void {
  const rows = tx.all(cancellationsUpTo, { chain: chainId, block: upTo });
  for (const row of rows) {
    const payment = row.payment_id === null ? undefined : findPayment(tx, row.payment_id);
    if (payment && holdsMoney[payment.state]) {
      const data = { reason: 'authorization_cancelled', nonce: row.nonce, block: row.block_number.toString() };
      transition(tx, payment, 'cancel', { actor: 'bursar', atMs, data });
    }
    tx.run(removeCancellation, { chain: chainId, nonce: row.nonce });
  }
}
