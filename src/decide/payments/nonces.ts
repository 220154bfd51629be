import { BursarError } from '../../core/errors/base.ts';
import type { ReadTx, Tx } from '../../store/store.ts';
import { highestHeldNonce, nextNonce, raiseNonce, setNonce, skipOfAgent, skipOfAll, takeNext } from './chainQueries.ts';

/**
 * A wallet nonce is the wallet's epoch and an index in it. The contract remembers the last 72 indexes of its epoch: what lies
 * below, or belongs to an earlier epoch, never pays (again). An index may be 65,535 above the highest that paid.
 */
const EPOCH_SHIFT = 32n;
const INDEX_MAX = (1n << EPOCH_SHIFT) - 1n;
/** Indexes above the wallet's own next one that it still takes. */
export const AHEAD_MAX = 65_535n;
/** Left out where somebody else may have used some: more than the contract remembers. The books go on at a multiple of it. */
const SKIPPED = 128n;

export const nonceAt = (epoch: number, index: number | bigint): bigint =>
  (BigInt(epoch) << EPOCH_SHIFT) + BigInt(index);
export const epochOf = (nonce: bigint): number => Number(nonce >> EPOCH_SHIFT);

/** The epoch that the books have of the agent's wallet: what is signed for its purse is signed in it. */
export async function bookedEpoch(tx: ReadTx, agentId: string, chainId: number): Promise<number> {
  return epochOf((await tx.get(nextNonce, { agent: agentId, chain: chainId }))?.next_nonce ?? 0n);
}

/** The next nonce of the agent's wallet; the contract lets each pay once. */
export async function takeNonce(tx: Tx, agentId: string, chainId: number): Promise<bigint> {
  const row = await tx.get(takeNext, { agent: agentId, chain: chainId });
  if (!row) throw new BursarError('not_configured', { message: 'The agent has no wallet on this chain.' });
  return row.nonce;
}

/**
 * Leaves out some nonces that others may have used (a copy of the books, the key manually). For one agent, or for all. What is
 * left out too few, the wallet refuses, and the payment gets another nonce.
 */
export async function skipNonces(tx: Tx, agentId: string | null = null): Promise<number> {
  return agentId === null
    ? await tx.run(skipOfAll, { step: SKIPPED })
    : await tx.run(skipOfAgent, { agent: agentId, step: SKIPPED });
}

/** The wallet told of a new epoch: nonces begin again in it. Never lowers. */
export async function enterEpoch(tx: Tx, agentId: string, chainId: number, epoch: number): Promise<void> {
  await tx.run(raiseNonce, { agent: agentId, chain: chainId, nonce: nonceAt(epoch, 0) });
}

export type Window = { epoch: number; next: number };

/**
 * Brings the books in step with what the wallet says itself: into its epoch, above what it has paid and above what our own payments
 * still hold, and not further ahead than it takes. True if that changed them.
 */
export async function followWindow(
  tx: Tx,
  agentId: string,
  chainId: number,
  { epoch, next }: Window,
): Promise<boolean> {
  const row = await tx.get(nextNonce, { agent: agentId, chain: chainId });
  if (!row) return false;
  const first = nonceAt(epoch, next);
  const most = first + AHEAD_MAX;
  const held = (
    await tx.get(highestHeldNonce, {
      agent: agentId,
      chain: chainId,
      least: nonceAt(epoch, 0),
      most: most < nonceAt(epoch, INDEX_MAX) ? most : nonceAt(epoch, INDEX_MAX),
    })
  )?.top;
  const least = held != null && held >= first ? held + 1n : first;
  const aligned = ((least + SKIPPED - 1n) / SKIPPED) * SKIPPED;
  if (row.next_nonce >= least && row.next_nonce < most) return false;
  await tx.run(setNonce, { agent: agentId, chain: chainId, nonce: aligned });
  return row.next_nonce !== aligned;
}
