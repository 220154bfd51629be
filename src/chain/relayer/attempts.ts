import type { Hex } from 'viem';
import { BursarError } from '../../core/errors/base.ts';
import type { ReadTx, Tx } from '../../store/store.ts';
import { withPayments } from '../contracts/paymentEvents.ts';
import { nextNonce, type TransactionRow, type TransactionState } from './transactions.ts';

/** One signed transaction under a nonce, as stored before it is broadcast. */
export type AttemptRow = {
  hash: Hex;
  transaction_id: bigint;
  raw: Hex;
  gas_limit: bigint;
  max_fee_wei: string;
  max_priority_fee_wei: string;
  signed_at: bigint;
  broadcast_at: bigint | null;
};

export type SignedAttempt = {
  hash: Hex;
  raw: Hex;
  gasLimit: bigint;
  maxFee: bigint;
  maxPriorityFee: bigint;
  atMs: number;
};

/**
 * Stores the first attempt of a queued transaction and thereby takes the nonce. False when the nonce or the transaction
 * was taken since (another relayer on the same store): the attempt was never broadcast and must be thrown away.
 */
export function takeNonce(tx: Tx, row: TransactionRow, nonce: bigint, attempt: SignedAttempt): boolean {
  const chainId = Number(row.chain_id);
  const next = nextNonce(tx, chainId, row.sender);
  if (next !== null && next !== nonce) return false;
  const changed = tx.run(
    `UPDATE transactions SET state = 'pending', nonce = ?, gas_limit = ? WHERE id = ? AND state = 'queued'`,
    nonce,
    attempt.gasLimit,
    row.id,
  );
  if (changed === 0) return false;
  insertAttempt(tx, row.id, attempt);
  const data = { transaction: Number(row.id), hash: attempt.hash, sender: row.sender, nonce: Number(nonce) };
  withPayments(tx, row.id, 'payment.signed', data, attempt.atMs);
  return true;
}

/** Stores a replacement under the nonce the transaction has. False when it was mined or replaced since. */
export function addReplacement(tx: Tx, row: TransactionRow, replaced: Hex, attempt: SignedAttempt): boolean {
  const latest = latestAttempt(tx, row.id);
  const now = tx.get<{ state: TransactionState }>('SELECT state FROM transactions WHERE id = ?', row.id);
  if (now?.state !== 'pending' || latest.hash !== replaced) return false;
  insertAttempt(tx, row.id, attempt);
  tx.run('UPDATE transactions SET gas_limit = ? WHERE id = ?', attempt.gasLimit, row.id);
  const data = {
    transaction: Number(row.id),
    hash: attempt.hash,
    replaces: replaced,
    max_fee_wei: `${attempt.maxFee}`,
  };
  withPayments(tx, row.id, 'payment.replaced', data, attempt.atMs);
  return true;
}

function insertAttempt(tx: Tx, id: bigint, attempt: SignedAttempt): void {
  tx.run(
    `INSERT INTO transaction_attempts
       (hash, transaction_id, raw, gas_limit, max_fee_wei, max_priority_fee_wei, signed_at) VALUES (?, ?, ?, ?, ?, ?, ?)`,
    attempt.hash,
    id,
    attempt.raw,
    attempt.gasLimit,
    attempt.maxFee.toString(),
    attempt.maxPriorityFee.toString(),
    attempt.atMs,
  );
}

/** Notes that a node took the attempt; the event is written the first time only. */
export function markBroadcast(tx: Tx, attempt: AttemptRow, atMs: number): void {
  const changed = tx.run(
    'UPDATE transaction_attempts SET broadcast_at = ? WHERE hash = ? AND broadcast_at IS NULL',
    atMs,
    attempt.hash,
  );
  if (changed === 0) return;
  const data = { transaction: Number(attempt.transaction_id), hash: attempt.hash };
  withPayments(tx, attempt.transaction_id, 'payment.broadcast', data, atMs);
}

/** The attempt with the highest fee, which is the last one signed. */
export function latestAttempt(tx: ReadTx, id: bigint): AttemptRow {
  const row = tx.get<AttemptRow>(
    'SELECT * FROM transaction_attempts WHERE transaction_id = ? ORDER BY rowid DESC LIMIT 1',
    id,
  );
  if (!row) throw new BursarError('invariant_violated', { message: `Transaction ${id} has a nonce and no attempt.` });
  return row;
}

export function attemptsOf(tx: ReadTx, id: bigint): AttemptRow[] {
  return tx.all<AttemptRow>('SELECT * FROM transaction_attempts WHERE transaction_id = ? ORDER BY rowid DESC', id);
}
