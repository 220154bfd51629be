import { resolveAlertsOfLog } from '../../books/ledger/alerts.ts';
import { appendEvent } from '../../books/ledger/events.ts';
import { type EntryKind, post } from '../../books/ledger/journal.ts';
import { unrefundMeters } from '../../books/meters/refundMeters.ts';
import { findReceivableAt } from '../../books/receivables/readReceivables.ts';
import type { Receivable } from '../../books/receivables/receivable.ts';
import { orphanReceivable } from '../../books/receivables/record.ts';
import { invariant } from '../../core/errors/base.ts';
import { flatMapInOrder } from '../../core/inOrder.ts';
import { formatUsdc } from '../../core/money/microUsdc.ts';
import { rebuildHistory } from '../../decide/payments/history.ts';
import type { Payment } from '../../decide/payments/payment.ts';
import { findPayment } from '../../decide/payments/records.ts';
import { reopenFinal, unsettle } from '../../decide/payments/transition.ts';
import type { RowIn } from '../../store/schema/schema.ts';
import type { Tx } from '../../store/store.ts';
import { type AddressBook, watchedBook } from '../match/addressBook.ts';
import { releaseForReorg } from '../match/topUps.ts';
import { lowerChecked } from './balances.ts';
import { type Cursor, isAt } from './cursor.ts';
import { forgetBlocksAbove, forgetCancellations, setTransferState, transfersAbove } from './queries.ts';

export type TransferRow = RowIn<'transfers'>;

/**
 * Undoes all blocks above `to`, newest first; `from` is the cursor. Returns the number of transfers undone, or null (nothing done)
 * if the books changed since the chain was asked.
 */
export async function rollBack(
  tx: Tx,
  chainId: number,
  { from, to }: { from: Cursor; to: Cursor },
  atMs: number,
): Promise<number | null> {
  if (!(await isAt(tx, chainId, from))) return null;
  const book = await watchedBook(tx, chainId);
  const rows = await tx.all(transfersAbove, { chain: chainId, block: to.number });
  for (const row of rows) {
    invariant(row.state === 'included', 'A final transfer was about to be undone.', { tx: row.tx_hash });
  }
  await undoTransfers(tx, rows, { book, chainId, atMs });
  await lowerChecked(tx, chainId, to.number);
  await tx.run(forgetCancellations, { chain: chainId, from: to.number + 1n });
  await tx.run(forgetBlocksAbove, { chain: chainId, number: to.number });
  const data = {
    chain: chainId,
    from: { block: from.number.toString(), hash: from.hash },
    to: { block: to.number.toString(), hash: to.hash },
    transfers: rows.length,
  };
  await appendEvent(tx, { type: 'chain.reorged', actor: 'bursar', data }, atMs);
  return rows.length;
}

type UndoContext = { book: AddressBook; chainId: number; atMs: number };

/** Undoes transfers that are not on the chain, newest first, final ones included: an operator had the chain read again. */
export async function undoTransfers(tx: Tx, rows: readonly TransferRow[], context: UndoContext): Promise<void> {
  await rebuildHistory(tx, await flatMapInOrder(rows, async (row) => (await undo(tx, row, context)) ?? []));
}

/** Returns the payment whose settlement is undone, if there is one. */
async function undo(tx: Tx, row: TransferRow, { book, chainId, atMs }: UndoContext): Promise<Payment | null> {
  const at = { blockHash: row.block_hash, logIndex: Number(row.log_index) };
  const receivable = await findReceivableAt(tx, chainId, at);
  const credit = book.account(row.to_address, receivable?.kind === 'unmatched');
  let unsettled: Payment | null = null;
  if (row.match_kind === 'payment') {
    const payment = await findPayment(tx, row.match_id ?? '');
    invariant(payment, 'A matched payment is gone.', { payment: row.match_id });
    const reopened = payment.state === 'final' ? await reopenFinal(tx, payment, atMs) : payment;
    if (payment.kind === 'top_up') await releaseForReorg(tx, payment, atMs);
    if (payment.kind === 'refund') await unrefundMeters(tx, payment.id);
    unsettled = await unsettle(tx, reopened, credit, { actor: 'bursar', atMs });
  } else {
    const debit = book.account(row.from_address, row.match_id === 'before_watch');
    await post(tx, {
      kind: reversalKind(row, receivable),
      atMs,
      receivableId: receivable?.id ?? null,
      blockNumber: row.block_number,
      lines: [
        [credit, -row.amount_micro],
        [debit, row.amount_micro],
      ],
    });
  }
  await tx.run(setTransferState, { chain: chainId, block: row.block_hash, log: at.logIndex, state: 'orphaned' });
  await resolveAlertsOfLog(tx, at.blockHash, at.logIndex, atMs);
  if (receivable) await orphan(tx, receivable, row, atMs);
  return unsettled;
}

function reversalKind(row: TransferRow, receivable: Receivable | undefined): EntryKind {
  return row.match_kind === 'receivable' && receivable && receivable.kind !== 'unmatched'
    ? 'receive_reversed'
    : 'unexplained_reversed';
}

async function orphan(tx: Tx, receivable: Receivable, row: TransferRow, atMs: number): Promise<void> {
  await orphanReceivable(tx, receivable);
  const data = {
    receivable: receivable.id,
    kind: receivable.kind,
    amount: formatUsdc(row.amount_micro),
    tx_hash: row.tx_hash,
  };
  await appendEvent(
    tx,
    {
      type: 'receivable.reorged',
      actor: 'bursar',
      agentId: receivable.agentId,
      paymentId: row.match_kind === 'payment' ? row.match_id : null,
      data,
    },
    atMs,
  );
}
