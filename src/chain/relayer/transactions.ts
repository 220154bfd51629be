import type { Address, Hex } from 'viem';
import { BursarError, invariant } from '../../core/errors/base.ts';
import type { PaymentId } from '../../core/ids/ids.ts';
import type { RowIn } from '../../store/schema/schema.ts';
import type { ReadTx, Tx } from '../../store/store.ts';
import {
  addForeign,
  addTransaction,
  addTransactionPayment,
  dropAboveNonce,
  dropFrom,
  highestNonce,
  highestUsedNonce,
  minedFrom,
  setDropReason,
  setFinal,
  setMined,
  setNotFinal,
  setPendingAgain,
  transactionsInState,
} from './queries.ts';

export type TransactionRow = RowIn<'transactions'>;
export type TransactionState = TransactionRow['state'];

/**
 * Why a transaction will never be mined. `refused`: the contract would revert (never signed); `no_contract`: no code at its address
 * (never signed); `dependency_failed`: its dependency reverted or was dropped (never signed); `withdrawn`: taken back while queued;
 * `nonce_taken`: another transaction of the key used its nonce, at a final block; `sender_replaced`: the wallet has another
 * executor, so the earlier one's signature only reverts; `withheld`: refused for a temporary cause (USDC is paused), so it does not
 * count against its payments; `nonce_gap`: signed on a nonce that the node had invented.
 */
export type DropReason = NonNullable<TransactionRow['drop_reason']>;

export type NewTransaction = {
  chainId: number;
  /** Checksummed address of a key that has a sender queue here. */
  sender: Address;
  to: Address;
  data: Hex;
  /** Its purpose, for people and look-ups: `pay`, `pay_batch`, `deploy:agt_…`. */
  purpose: string;
  paymentIds: readonly PaymentId[];
  /** Used instead of the estimate with its margin; the call is simulated nevertheless. */
  gasLimit?: bigint | null;
  /** Signed only after that transaction was mined successfully; dropped if it was not (a wallet before its first payment). */
  dependsOn?: bigint | null;
  atMs: number;
};

const PAYMENTS_MAX = 200;

/**
 * Adds a transaction to its sender's queue, in the caller's write transaction. It has no nonce yet: that is assigned when it is
 * signed, so a queued one can be withdrawn or refused without leaving a gap.
 */
export async function enqueueTransaction(tx: Tx, wanted: NewTransaction): Promise<{ id: bigint }> {
  invariant(wanted.paymentIds.length <= PAYMENTS_MAX, 'A transaction carries at most 200 payments.');
  const row = await tx.get(addTransaction, {
    chain: wanted.chainId,
    sender: wanted.sender,
    purpose: wanted.purpose,
    to: wanted.to,
    data: wanted.data,
    gasLimit: wanted.gasLimit ?? null,
    dependsOn: wanted.dependsOn ?? null,
    at: wanted.atMs,
  });
  invariant(row !== undefined, 'An insert gave no row');
  for (const paymentId of wanted.paymentIds) {
    await tx.run(addTransactionPayment, { id: row.id, payment: paymentId });
  }
  return { id: row.id };
}

/**
 * Withdraws a queued transaction. False once it was signed: from then on only the chain decides. A caller that releases a hold must
 * do both in one write transaction.
 */
export async function withdrawTransaction(tx: Tx, id: bigint): Promise<boolean> {
  return dropTransaction(tx, id, 'queued', { reason: 'withdrawn', detail: null });
}

/** Moves a transaction to `dropped`; false if it is no longer in that state. */
export async function dropTransaction(
  tx: Tx,
  id: bigint,
  from: 'queued' | 'pending',
  { reason, detail }: { reason: DropReason; detail: string | null },
): Promise<boolean> {
  return (await tx.run(dropFrom, { id, from, reason, detail })) === 1;
}

/** The next nonce of the sender by our records; null if it has none yet. */
export async function nextNonce(tx: ReadTx, chainId: number, sender: Address): Promise<bigint | null> {
  const row = await tx.get(highestNonce, { chain: chainId, sender });
  return row?.top == null ? null : row.top + 1n;
}

/**
 * The nonce below which the records prove that all are used: by mined transactions, by others at a final block, or by an operator's
 * statement. A transaction that is only signed proves nothing.
 */
export async function provenNonce(tx: ReadTx, chainId: number, sender: Address): Promise<bigint> {
  const row = await tx.get(highestUsedNonce, { chain: chainId, sender });
  return row?.top == null ? 0n : row.top + 1n;
}

/**
 * Gives up the nonces of signed transactions that the chain cannot reach, because the node had invented the number. Their payments
 * are sent again under the same wallet nonces, so at most one of the two can pay.
 */
export async function dropGap(tx: Tx, queue: { chainId: number; sender: Address }, count: bigint): Promise<number> {
  return tx.run(dropAboveNonce, { chain: queue.chainId, sender: queue.sender, nonce: count });
}

/** A sender queue's transactions in one state: pending ones by nonce, the others by the time at which they were queued. */
export async function queueTransactions(
  tx: ReadTx,
  queue: { chainId: number; sender: Address },
  state: 'queued' | 'pending' | 'mined',
  limit: number,
): Promise<TransactionRow[]> {
  return tx.all(transactionsInState, { chain: queue.chainId, sender: queue.sender, state, limit });
}

export type Mined = {
  hash: Hex;
  succeeded: boolean;
  blockNumber: bigint;
  blockHash: Hex;
  gasUsed: bigint;
  gasPriceWei: bigint;
};

export async function markMined(tx: Tx, id: bigint, mined: Mined): Promise<void> {
  await tx.run(setMined, {
    id,
    hash: mined.hash,
    succeeded: mined.succeeded ? 1 : 0,
    block: mined.blockNumber,
    blockHash: mined.blockHash,
    gasUsed: mined.gasUsed,
    gasPrice: mined.gasPriceWei.toString(),
  });
}

/** Only while it is mined in that very block. */
export async function markFinal(tx: Tx, id: bigint, blockHash: Hex): Promise<void> {
  await tx.run(setFinal, { id, blockHash });
}

/** Its block was replaced: it waits to be mined again, under the same nonce. */
export async function markReorged(tx: Tx, id: bigint, blockHash: Hex): Promise<void> {
  await tx.run(setPendingAgain, { id, blockHash });
}

/**
 * Records that the key's nonces below this one were used by transactions that are not ours (another program used the key, or the
 * database is older than the chain). Only an operator does this: an RPC may lie, so a sender queue never does.
 */
export async function adoptNonce(
  tx: Tx,
  queue: { chainId: number; sender: Address },
  next: bigint,
  atMs: number,
): Promise<void> {
  const known = (await nextNonce(tx, queue.chainId, queue.sender)) ?? 0n;
  if (next <= known) throw new BursarError('conflict', { message: `The next nonce is ${known} already.` });
  await tx.run(addForeign, { chain: queue.chainId, sender: queue.sender, nonce: next - 1n, at: atMs });
}

/** Corrects the reason why an unsigned transaction was dropped. */
export async function dropReasonIs(tx: Tx, id: bigint, reason: DropReason): Promise<void> {
  await tx.run(setDropReason, { id, reason });
}

/**
 * From that block on, only these blocks are on the chain: transactions mined in others wait again, under the same nonce, even final
 * ones. Only an operator does this, after a reorg below finality.
 */
export async function reopenTransactions(
  tx: Tx,
  chainId: number,
  fromBlock: bigint,
  blockHashes: ReadonlySet<string>,
): Promise<number> {
  const rows = await tx.all(minedFrom, { chain: chainId, block: fromBlock });
  const gone = rows.flatMap(({ id, block_hash }) =>
    block_hash !== null && !blockHashes.has(block_hash) ? [{ id, block_hash }] : [],
  );
  for (const { id, block_hash } of gone) {
    await tx.run(setNotFinal, { id });
    await markReorged(tx, id, block_hash);
  }
  return gone.length;
}
