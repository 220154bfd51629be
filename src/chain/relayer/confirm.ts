import {
  type Address,
  BlockNotFoundError,
  type Hex,
  type TransactionReceipt,
  TransactionReceiptNotFoundError,
} from 'viem';
import { BursarError } from '../../core/errors/base.ts';
import { flatMapInOrder } from '../../core/inOrder.ts';
import type { Store } from '../../store/store.ts';
import type { Chain, ChainClient } from '../node/chain.ts';
import { attemptsOf } from './attempts.ts';
import { isBelievable } from './nonceTruth.ts';
import type { Observation } from './observation.ts';
import {
  dropTransaction,
  type Mined,
  markFinal,
  markMined,
  markReorged,
  queueTransactions,
  type TransactionRow,
} from './transactions.ts';

export type Confirmed = { mined: number; final: number; reorged: number; taken: number };

/** The number checked per sender queue and tick. */
const ROWS_MAX = 500;

/**
 * Compares a sender queue's open transactions with the chain: pending ones that were mined, mined ones whose block was replaced
 * (they wait again, under the same nonce), and mined ones that are final. Idempotent. Throws `chain_unavailable`,
 * `chain_inconsistent`.
 */
export async function pollReceipts(
  { store, chain }: { store: Store; chain: Chain },
  sender: Address,
  seen: Observation,
): Promise<Confirmed> {
  const queue = { chainId: chain.chainId, sender };
  const mined = await store.read((tx) => queueTransactions(tx, queue, 'mined', ROWS_MAX));
  const { final, reorged } = await checkBlocks(store, chain, mined, seen);
  const count = seen.senders.get(sender)?.count ?? 0n;
  // Those that went back to pending are checked too: the new blocks may contain them again.
  const pending = (await store.read((tx) => queueTransactions(tx, queue, 'pending', ROWS_MAX))).filter(
    (row) => row.nonce !== null && row.nonce < count,
  );
  const found = await receiptsOf(store, chain, pending);
  const lost = pending.filter((row) => !found.has(row.id));
  const taken = await takenForGood(chain, sender, lost, seen);
  if (found.size > 0 || taken.length > 0) {
    await store.write(async (tx) => {
      for (const [id, receipt] of found) await markMined(tx, id, receipt);
      for (const row of taken) await dropTransaction(tx, row.id, 'pending', { reason: 'nonce_taken', detail: null });
    });
  }
  return { mined: found.size, final, reorged, taken: taken.length };
}

/** One block header per block covers all transactions of ours in it. */
async function checkBlocks(
  store: Store,
  chain: Chain,
  mined: readonly TransactionRow[],
  seen: Observation,
): Promise<{ final: number; reorged: number }> {
  const numbers = [...new Set(mined.map((row) => row.block_number ?? 0n))];
  // A node that has not reached the block cannot answer: that is no reorg.
  const known = numbers.filter((number) => number <= seen.head.number);
  const hashes = await chain.run(async (client) => {
    const blocks = await Promise.all(known.map((number) => blockHashOf(client, number)));
    return new Map(blocks.flatMap((hash, index) => (hash === null ? [] : [[known[index] ?? -1n, hash]])));
  });
  const isThere = (row: TransactionRow) => hashes.get(row.block_number ?? -1n) === row.block_hash;
  const gone = mined.filter((row) => hashes.has(row.block_number ?? -1n) && !isThere(row));
  const final = mined.filter((row) => isThere(row) && (row.block_number ?? 0n) <= seen.finalNumber);
  if (gone.length > 0 || final.length > 0) {
    await store.write(async (tx) => {
      for (const row of gone) await markReorged(tx, row.id, row.block_hash as Hex);
      for (const row of final) await markFinal(tx, row.id, row.block_hash as Hex);
    });
  }
  return { final: final.length, reorged: gone.length };
}

/** Null if another node behind the same URL has not reached the block. */
async function blockHashOf(client: ChainClient, blockNumber: bigint): Promise<Hex | null> {
  try {
    return (await client.getBlock({ blockNumber })).hash;
  } catch (error) {
    if (error instanceof BlockNotFoundError) return null;
    throw error;
  }
}

async function receiptsOf(store: Store, chain: Chain, rows: readonly TransactionRow[]): Promise<Map<bigint, Mined>> {
  const attempts = await store.read((tx) => flatMapInOrder(rows, (row) => attemptsOf(tx, row.id)));
  const receipts = await chain.run((client) => Promise.all(attempts.map(({ hash }) => receiptOf(client, hash))));
  const found = new Map<bigint, Mined>();
  receipts.forEach((receipt, index) => {
    const attempt = attempts[index];
    if (!receipt || !attempt) return;
    if (receipt.transactionHash !== attempt.hash || found.has(attempt.transaction_id)) {
      throw new BursarError('chain_inconsistent', {
        message: 'The RPC has two receipts for one nonce, or a wrong one.',
      });
    }
    found.set(attempt.transaction_id, {
      hash: receipt.transactionHash,
      succeeded: receipt.status === 'success',
      blockNumber: receipt.blockNumber,
      blockHash: receipt.blockHash,
      gasUsed: receipt.gasUsed,
      gasPriceWei: receipt.effectiveGasPrice,
    });
  });
  return found;
}

export async function receiptOf(client: ChainClient, hash: Hex): Promise<TransactionReceipt | null> {
  try {
    return await client.getTransactionReceipt({ hash });
  } catch (error) {
    if (error instanceof TransactionReceiptNotFoundError) return null;
    throw error;
  }
}

/**
 * Those whose nonce is used at a final block although none of their attempts was mined: another program signed with the key. The
 * count must be believable, because a transaction that is given up wrongly leaves its nonce unused and blocks all later ones.
 */
async function takenForGood(
  chain: Chain,
  sender: Address,
  lost: readonly TransactionRow[],
  seen: Observation,
): Promise<TransactionRow[]> {
  if (lost.length === 0 || seen.finalNumber < 0n) return [];
  const count = seen.senders.get(sender)?.count ?? 0n;
  if (!(await isBelievable(chain, sender, count, seen.finalNumber)).ok) return [];
  const finalCount = await chain.run((client) =>
    client.getTransactionCount({ address: sender, blockNumber: seen.finalNumber }),
  );
  return lost.filter((row) => row.nonce !== null && row.nonce < BigInt(finalCount));
}
