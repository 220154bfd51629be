import type { Hex } from 'viem';
import { BursarError } from '../../core/errors/base.ts';
import type { RowIn } from '../../store/schema/schema.ts';
import type { ReadTx, Tx } from '../../store/store.ts';
import { withPayments } from '../contracts/paymentEvents.ts';
import {
  addAttempt,
  attemptsAt,
  lastAttempt,
  setBroadcast,
  setGasLimit,
  setPending,
  transactionOf,
} from './queries.ts';
import { nextNonce, type TransactionRow } from './transactions.ts';

/** One signed transaction under a nonce, as stored before it is broadcast. */
export type AttemptRow = RowIn<'transaction_attempts'>;

export type SignedAttempt = {
  hash: Hex;
  raw: Hex;
  gasLimit: bigint;
  maxFee: bigint;
  maxPriorityFee: bigint;
  atMs: number;
};

/**
 * Stores the first attempt of a queued transaction, which assigns its nonce. False if the nonce or the transaction was taken
 * meanwhile (another relayer on the same store): the attempt was never broadcast and must be dropped.
 */
export async function takeNonce(tx: Tx, row: TransactionRow, nonce: bigint, attempt: SignedAttempt): Promise<boolean> {
  const chainId = Number(row.chain_id);
  const next = await nextNonce(tx, chainId, row.sender);
  if (next !== null && next !== nonce) return false;
  const changed = await tx.run(setPending, { id: row.id, nonce, gasLimit: attempt.gasLimit });
  if (changed === 0) return false;
  await insertAttempt(tx, row.id, attempt);
  const data = { transaction: Number(row.id), hash: attempt.hash, sender: row.sender, nonce: Number(nonce) };
  await withPayments(tx, row.id, { type: 'payment.signed', data }, attempt.atMs);
  return true;
}

/** Stores a replacement under the transaction's nonce. False if it was mined or replaced meanwhile. */
export async function addReplacement(
  tx: Tx,
  row: TransactionRow,
  replaced: Hex,
  attempt: SignedAttempt,
): Promise<boolean> {
  const latest = await latestAttempt(tx, row.id);
  const now = await tx.get(transactionOf, { id: row.id });
  if (now?.state !== 'pending' || latest.hash !== replaced) return false;
  await insertAttempt(tx, row.id, attempt);
  await tx.run(setGasLimit, { id: row.id, gasLimit: attempt.gasLimit });
  const data = {
    transaction: Number(row.id),
    hash: attempt.hash,
    replaces: replaced,
    max_fee_wei: `${attempt.maxFee}`,
  };
  await withPayments(tx, row.id, { type: 'payment.replaced', data }, attempt.atMs);
  return true;
}

async function insertAttempt(tx: Tx, id: bigint, attempt: SignedAttempt): Promise<void> {
  await tx.run(addAttempt, {
    hash: attempt.hash,
    id,
    raw: attempt.raw,
    gasLimit: attempt.gasLimit,
    maxFee: attempt.maxFee.toString(),
    maxPriorityFee: attempt.maxPriorityFee.toString(),
    at: attempt.atMs,
  });
}

/** Records that a node accepted the attempt; the event is written only the first time. */
export async function markBroadcast(tx: Tx, attempt: AttemptRow, atMs: number): Promise<void> {
  const changed = await tx.run(setBroadcast, { hash: attempt.hash, at: atMs });
  if (changed === 0) return;
  const data = { transaction: Number(attempt.transaction_id), hash: attempt.hash };
  await withPayments(tx, attempt.transaction_id, { type: 'payment.broadcast', data }, atMs);
}

/** The attempt with the highest fee, which is the last one signed. */
export async function latestAttempt(tx: ReadTx, id: bigint): Promise<AttemptRow> {
  const row = await tx.get(lastAttempt, { id });
  if (!row) throw new BursarError('invariant_violated', { message: `Transaction ${id} has a nonce and no attempt.` });
  return row;
}

export async function attemptsOf(tx: ReadTx, id: bigint): Promise<AttemptRow[]> {
  return tx.all(attemptsAt, { id });
}
