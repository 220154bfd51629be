import type { Address, Hex } from 'viem';
import { BursarError, invariant } from '../errors/base.ts';
import type { PaymentId } from '../ids/ids.ts';
import type { ReadTx, Tx } from '../store/store.ts';
import { withPayments } from './paymentEvents.ts';

export type TransactionState = 'queued' | 'pending' | 'mined' | 'final' | 'dropped';

/**
 * Why a transaction will never be mined. `refused`: the contract would revert (never signed); `no_contract`: no code at its
 * address (never signed); `dependency_failed`: the one it waits for reverted or was dropped (never signed); `withdrawn`: taken
 * back while queued; `nonce_taken`: another transaction of the key used its nonce, at a final block.
 */
export type DropReason = 'refused' | 'no_contract' | 'dependency_failed' | 'withdrawn' | 'nonce_taken';

export type TransactionRow = {
  id: bigint;
  chain_id: bigint;
  sender: Address;
  nonce: bigint | null;
  purpose: string;
  to_address: Address;
  data: Hex;
  gas_limit: bigint | null;
  depends_on: bigint | null;
  state: TransactionState;
  drop_reason: DropReason | null;
  drop_detail: string | null;
  mined_hash: Hex | null;
  succeeded: bigint | null;
  block_number: bigint | null;
  block_hash: Hex | null;
  gas_used: bigint | null;
  gas_price_wei: string | null;
  created_at: bigint;
};

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

export type NewTransaction = {
  chainId: number;
  /** Checksummed address of a key that a relayer lane serves. */
  sender: Address;
  to: Address;
  data: Hex;
  /** What it is for, for people and look-ups: `pay`, `pay_batch`, `deploy:agt_…`. */
  purpose: string;
  paymentIds: readonly PaymentId[];
  /** Taken instead of the estimate with its margin; the call is simulated all the same. */
  gasLimit?: bigint | null;
  /** Not signed before that transaction was mined with success; dropped when it was not (a wallet before its first payment). */
  dependsOn?: bigint | null;
  atMs: number;
};

const PAYMENTS_MAX = 200;

/**
 * Puts a transaction into its sender's queue, in the caller's write transaction. It has no nonce yet: that is assigned when
 * it is signed, so a queued one can be withdrawn or refused without leaving a gap.
 */
export function enqueueTransaction(tx: Tx, wanted: NewTransaction): { id: bigint } {
  invariant(wanted.paymentIds.length <= PAYMENTS_MAX, 'A transaction carries at most 200 payments.');
  const row = tx.get<{ id: bigint }>(
    `INSERT INTO transactions (chain_id, sender, purpose, to_address, data, gas_limit, depends_on, state, created_at)
     VALUES (?, ?, ?, ?, ?, ?, ?, 'queued', ?) RETURNING id`,
    wanted.chainId,
    wanted.sender,
    wanted.purpose,
    wanted.to,
    wanted.data,
    wanted.gasLimit ?? null,
    wanted.dependsOn ?? null,
    wanted.atMs,
  );
  invariant(row !== undefined, 'An insert gave no row');
  for (const paymentId of wanted.paymentIds) {
    tx.run('INSERT INTO transaction_payments (transaction_id, payment_id) VALUES (?, ?)', row.id, paymentId);
  }
  return { id: row.id };
}

/**
 * Takes a transaction back while it is queued. False once it was signed: from then on only the chain decides. A caller that
 * releases a hold must do both in one write transaction.
 */
export function withdrawTransaction(tx: Tx, id: bigint): boolean {
  return dropTransaction(tx, id, 'withdrawn', null, 'queued');
}

/** Moves a transaction to `dropped`; false when it is not in that state any more. */
export function dropTransaction(
  tx: Tx,
  id: bigint,
  reason: DropReason,
  detail: string | null,
  from: 'queued' | 'pending',
): boolean {
  return (
    tx.run(
      `UPDATE transactions SET state = 'dropped', drop_reason = ?, drop_detail = ? WHERE id = ? AND state = ?`,
      reason,
      detail,
      id,
      from,
    ) === 1
  );
}

/** The nonce the sender's next transaction gets by our records; null when it has none yet. */
export function nextNonce(tx: ReadTx, chainId: number, sender: Address): bigint | null {
  const row = tx.get<{ top: bigint | null }>(
    'SELECT max(nonce) AS top FROM transactions WHERE chain_id = ? AND sender = ?',
    chainId,
    sender,
  );
  return row?.top == null ? null : row.top + 1n;
}

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

/** A lane's transactions in one state: pending ones by nonce, the others in the order in which they were queued. */
export function laneTransactions(
  tx: ReadTx,
  lane: { chainId: number; sender: Address },
  state: 'queued' | 'pending' | 'mined',
  limit: number,
): TransactionRow[] {
  return tx.all<TransactionRow>(
    `SELECT * FROM transactions WHERE chain_id = ? AND sender = ? AND state = ? ORDER BY nonce, id LIMIT ?`,
    lane.chainId,
    lane.sender,
    state,
    limit,
  );
}

export type Mined = {
  hash: Hex;
  succeeded: boolean;
  blockNumber: bigint;
  blockHash: Hex;
  gasUsed: bigint;
  gasPriceWei: bigint;
};

export function markMined(tx: Tx, id: bigint, mined: Mined): void {
  tx.run(
    `UPDATE transactions SET state = 'mined', mined_hash = ?, succeeded = ?, block_number = ?, block_hash = ?,
       gas_used = ?, gas_price_wei = ? WHERE id = ? AND state IN ('pending', 'mined')`,
    mined.hash,
    mined.succeeded ? 1 : 0,
    mined.blockNumber,
    mined.blockHash,
    mined.gasUsed,
    mined.gasPriceWei.toString(),
    id,
  );
}

/** Only when it still is mined in that very block. */
export function markFinal(tx: Tx, id: bigint, blockHash: Hex): void {
  tx.run(`UPDATE transactions SET state = 'final' WHERE id = ? AND state = 'mined' AND block_hash = ?`, id, blockHash);
}

/** Its block is gone: it waits to be mined again, under the same nonce. */
export function markReorged(tx: Tx, id: bigint, blockHash: Hex): void {
  tx.run(
    `UPDATE transactions SET state = 'pending', mined_hash = NULL, succeeded = NULL, block_number = NULL,
       block_hash = NULL, gas_used = NULL, gas_price_wei = NULL WHERE id = ? AND state = 'mined' AND block_hash = ?`,
    id,
    blockHash,
  );
}

/**
 * Tells the records that the key's nonces below this one were used by transactions that are not ours (the key was used by
 * hand, or the database is older than the chain). An operator's act: a lane never does it by itself, since an RPC may lie.
 */
export function adoptNonce(tx: Tx, lane: { chainId: number; sender: Address }, next: bigint, atMs: number): void {
  const known = nextNonce(tx, lane.chainId, lane.sender) ?? 0n;
  if (next <= known) throw new BursarError('conflict', { message: `The next nonce is ${known} already.` });
  tx.run(
    `INSERT INTO transactions (chain_id, sender, nonce, purpose, to_address, data, state, drop_reason, created_at)
     VALUES (?, ?, ?, 'foreign', ?, '0x', 'dropped', 'nonce_taken', ?)`,
    lane.chainId,
    lane.sender,
    next - 1n,
    lane.sender,
    atMs,
  );
}
