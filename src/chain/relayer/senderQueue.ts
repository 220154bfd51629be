import type { Address, Hex } from 'viem';
import type { ErrorDetails } from '../../core/errors/base.ts';
import { filterInOrder } from '../../core/inOrder.ts';
import type { LedStore } from '../../store/leases/leadership.ts';
import type { KeyProvider, KeyRole } from '../keys/keys.ts';
import type { Chain } from '../node/chain.ts';
import { readSendAnswer } from '../node/nodeAnswers.ts';
import {
  type AttemptRow,
  addReplacement,
  latestAttempt,
  markBroadcast,
  type SignedAttempt,
  takeNonce,
} from './attempts.ts';
import { type Confirmed, pollReceipts } from './confirm.ts';
import { type FeeCaps, firstFees, replacementFees } from './fees.ts';
import { takeBack } from './givenUp.ts';
import { isBelievable } from './nonceTruth.ts';
import type { Observation } from './observation.ts';
import type { SenderQueueAlert } from './senderQueueAlerts.ts';
import { signAttempt } from './signAttempt.ts';
import { type Estimate, estimate, readiness } from './simulate.ts';
import {
  dropGap,
  dropTransaction,
  nextNonce,
  provenNonce,
  queueTransactions,
  type TransactionRow,
} from './transactions.ts';

export type SenderQueueOptions = {
  store: LedStore;
  chain: Chain;
  keys: KeyProvider;
  clock: () => number;
  caps: FeeCaps;
  /** How long the next transaction may wait in the pool before its fee is raised. */
  stuckAfterMs: number;
  /** The number of signed, unmined transactions at a time: nodes drop those far ahead of the account's nonce. */
  inFlightMax: number;
};

export type SenderQueueReport = Confirmed & {
  sender: Address;
  /** The reason why the sender queue cannot send now, if there is one. */
  trouble: { type: SenderQueueAlert; details: ErrorDetails } | null;
  signed: number;
  sent: number;
  replaced: number;
  dropped: number;
};

/** The state of the records before the chain is read. */
export type Expectation = { firstUnmined: bigint | null };

/** One sender's transactions, in nonce order. After a crash at any point, every step can be repeated safely. */
export interface SenderQueue {
  readonly sender: Address;
  expect(): Promise<Expectation>;
  step(before: Expectation, seen: Observation): Promise<SenderQueueReport>;
}

/** Above this size the cache of broadcast attempts is cleared; the only cost is that unmined ones are broadcast once more. */
const SENT_MAX = 10_000;

export function createSenderQueue(options: SenderQueueOptions, role: KeyRole, sender: Address): SenderQueue {
  const { store, chain, keys, clock, caps } = options;
  const key = { chainId: chain.chainId, sender };
  /** When this process last gave an attempt to the node. Empty after a start, so everything unmined is broadcast again. */
  const lastSent = new Map<Hex, number>();
  /** The next transaction and since when it is next: only it can be stuck, because the others wait for it. */
  let head: { nonce: bigint; sinceMs: number } | null = null;

  const pendingRows = (): Promise<TransactionRow[]> =>
    store.read((tx) => queueTransactions(tx, key, 'pending', options.inFlightMax * 4));
  const expect = async (): Promise<Expectation> => ({
    firstUnmined: (await pendingRows())[0]?.nonce ?? (await store.read((tx) => nextNonce(tx, chain.chainId, sender))),
  });

  async function step(before: Expectation, seen: Observation): Promise<SenderQueueReport> {
    const report: SenderQueueReport = {
      sender,
      trouble: null,
      ...(await pollReceipts({ store, chain }, sender, seen)),
      signed: 0,
      sent: 0,
      replaced: 0,
      dropped: 0,
    };
    // Their blocks were replaced, and the pool may have lost them too.
    if (report.reorged > 0 || lastSent.size > SENT_MAX) lastSent.clear();
    const { count, balanceWei } = seen.senders.get(sender) ?? { count: 0n, balanceWei: 0n };
    report.trouble = await contradiction(before, count, seen);
    if (report.trouble !== null) return report;
    await replaceStuck(report, seen, count, balanceWei);
    await send(report, count);
    await signQueued(report, seen, count, balanceWei);
    await send(report, count);
    await noteHead(count);
    return report;
  }

  /**
   * The number is below the nonces known to be mined, or beyond the signed ones: the RPC lies or lags, or the key was used
   * elsewhere.
   */
  async function contradiction(
    before: Expectation,
    count: bigint,
    seen: Observation,
  ): Promise<SenderQueueReport['trouble']> {
    const now = (await expect()).firstUnmined;
    const next = await store.read((tx) => nextNonce(tx, chain.chainId, sender));
    if (next === null || now === null) return firstUseTrouble(count, seen);
    // Read before and after: between reading the records and the chain, blocks may be added or replaced.
    const least = before.firstUnmined !== null && before.firstUnmined < now ? before.firstUnmined : now;
    if (count >= least && count <= next) return null;
    if (count < least && (await closeGap(count, seen))) return null;
    if (count > next && (await takeBack({ store, chain }, sender, { next, count }))) return null;
    return {
      type: 'chain_inconsistent',
      details: { sender, stated_nonce: `${count}`, known_mined: `${least}`, known_next: `${next}` },
    };
  }

  /**
   * There are no records of this key on this chain; a number that is too high would leave a gap that blocks all its transactions.
   */
  async function firstUseTrouble(count: bigint, seen: Observation): Promise<SenderQueueReport['trouble']> {
    const queued = await store.read((tx) => queueTransactions(tx, key, 'queued', 1));
    if (queued.length === 0) return null;
    const { ok, details } = await isBelievable(chain, sender, count, seen.finalNumber);
    if (ok) return null;
    return { type: 'chain_inconsistent', details: { sender, stated_nonce: `${count}`, ...details } };
  }

  /** Our signed nonces begin above the chain's number, and nothing of ours used those between: the earlier number was wrong. */
  async function closeGap(count: bigint, seen: Observation): Promise<boolean> {
    const proven = await store.read((tx) => provenNonce(tx, chain.chainId, sender));
    const first = (await pendingRows())[0]?.nonce ?? null;
    if (count < proven || first === null || first <= count) return false;
    if (!(await isBelievable(chain, sender, count, seen.finalNumber)).ok) return false;
    return (await store.write((tx) => dropGap(tx, key, count))) > 0;
  }

  /** Broadcasts every unmined attempt that was not broadcast lately, in nonce order. */
  async function send(report: SenderQueueReport, count: bigint): Promise<void> {
    const atMs = clock();
    for (const row of await pendingRows()) {
      if (row.nonce === null || row.nonce < count) continue;
      const attempt = await store.read((tx) => latestAttempt(tx, row.id));
      const sentMs = lastSent.get(attempt.hash);
      if (sentMs !== undefined && atMs - sentMs < options.stuckAfterMs) continue;
      if (!(await sendOne(report, attempt, atMs))) return;
    }
  }

  async function sendOne(report: SenderQueueReport, attempt: AttemptRow, atMs: number): Promise<boolean> {
    const answer = await readSendAnswer(() =>
      chain.run((client) => client.sendRawTransaction({ serializedTransaction: attempt.raw })),
    );
    switch (answer.kind) {
      case 'accepted':
      case 'nonce_used':
      case 'underpriced':
        lastSent.set(attempt.hash, atMs);
        // Underpriced: the pool has an earlier attempt, or the fee is too low now; it is replaced when due.
        if (answer.kind === 'accepted') await store.write((tx) => markBroadcast(tx, attempt, atMs));
        report.sent += 1;
        return true;
      case 'insufficient_gas':
        report.trouble ??= { type: 'insufficient_gas', details: { sender } };
        return false;
      case 'refused':
        report.trouble ??= {
          type: 'broadcast_refused',
          details: { sender, hash: attempt.hash, answer: answer.message },
        };
        return false;
      default:
        return answer satisfies never;
    }
  }

  async function noteHead(count: bigint): Promise<TransactionRow | null> {
    const row = (await pendingRows()).find(({ nonce }) => nonce !== null && nonce >= count);
    if (!row || row.nonce === null) head = null;
    else if (head?.nonce !== row.nonce) head = { nonce: row.nonce, sinceMs: clock() };
    return row ?? null;
  }

  async function replaceStuck(
    report: SenderQueueReport,
    seen: Observation,
    count: bigint,
    balanceWei: bigint,
  ): Promise<void> {
    const row = await noteHead(count);
    if (row === null || row.nonce === null || head === null) return;
    const nowMs = clock();
    const before = await store.read((tx) => latestAttempt(tx, row.id));
    const sinceMs = Math.max(head.sinceMs, Number(before.signed_at));
    if (nowMs - sinceMs < options.stuckAfterMs) return;
    const fees = replacementFees(
      { maxFee: BigInt(before.max_fee_wei), maxPriorityFee: BigInt(before.max_priority_fee_wei) },
      seen.market,
      caps,
    );
    if (fees === null) {
      report.trouble ??= { type: 'fees_above_cap', details: { sender, base_fee_wei: `${seen.market.baseFee}` } };
      return;
    }
    // A gas limit that was too low is raised too; a call that now reverts must still use its nonce.
    const now = await estimate(chain, row);
    const gasLimit = now.kind === 'gas' && now.gasLimit > before.gas_limit ? now.gasLimit : before.gas_limit;
    if (gasLimit * fees.maxFee > balanceWei) {
      report.trouble ??= { type: 'insufficient_gas', details: { sender, balance_wei: `${balanceWei}` } };
      return;
    }
    const attempt = await signAttempt(keys, role, sender, { row, nonce: row.nonce, gasLimit, ...fees, atMs: nowMs });
    if (await store.write((tx) => addReplacement(tx, row, before.hash, attempt))) {
      report.replaced += 1;
      const stored = await store.read((tx) => latestAttempt(tx, row.id));
      await sendOne(report, stored, nowMs);
    }
  }

  async function signQueued(
    report: SenderQueueReport,
    seen: Observation,
    count: bigint,
    balanceWei: bigint,
  ): Promise<void> {
    if (report.trouble !== null) return;
    const next = (await store.read((tx) => nextNonce(tx, chain.chainId, sender))) ?? count;
    const folder = options.inFlightMax - Number(next - count);
    if (folder <= 0) return;
    const rows = await store.read((tx) => queueTransactions(tx, key, 'queued', folder));
    if (rows.length === 0) return;
    const fees = firstFees(seen.market, caps);
    if (fees === null) {
      report.trouble = { type: 'fees_above_cap', details: { sender, base_fee_wei: `${seen.market.baseFee}` } };
      return;
    }
    const earliestId = (await pendingRows()).reduce<bigint | null>(
      (least, { id }) => (least === null || id < least ? id : least),
      null,
    );
    const estimates = await Promise.all(rows.map((row) => readiness(store, chain, row, earliestId)));
    let spendable = balanceWei - (await pledged(count));
    const signed: { row: TransactionRow; nonce: bigint; attempt: SignedAttempt }[] = [];
    const dropped: { row: TransactionRow; why: Extract<Estimate, { kind: 'refused' }> }[] = [];
    for (const [index, row] of rows.entries()) {
      const result = estimates[index];
      if (!result || result.kind === 'wait') continue;
      if (result.kind === 'refused') {
        // A transaction signed just now may be a precondition of this one; a refusal counts once all before it are mined.
        if (signed.length > 0 && result.reason !== 'dependency_failed') continue;
        dropped.push({ row, why: result });
        continue;
      }
      const gasLimit = row.gas_limit ?? result.gasLimit;
      spendable -= gasLimit * fees.maxFee;
      if (spendable < 0n) {
        report.trouble = { type: 'insufficient_gas', details: { sender, balance_wei: `${balanceWei}` } };
        break;
      }
      const nonce = next + BigInt(signed.length);
      const attempt = await signAttempt(keys, role, sender, { row, nonce, gasLimit, ...fees, atMs: clock() });
      signed.push({ row, nonce, attempt });
    }
    if (signed.length + dropped.length === 0) return;
    await store.write(async (tx) => {
      report.dropped = (
        await filterInOrder(dropped, ({ row, why }) => dropTransaction(tx, row.id, 'queued', why))
      ).length;
      for (const { row, nonce, attempt } of signed) if (await takeNonce(tx, row, nonce, attempt)) report.signed += 1;
    });
  }

  /** The highest total cost of the unmined transactions. */
  async function pledged(count: bigint): Promise<bigint> {
    let sum = 0n;
    for (const row of await pendingRows()) {
      if (row.nonce === null || row.nonce < count) continue;
      const attempt = await store.read((tx) => latestAttempt(tx, row.id));
      sum += attempt.gas_limit * BigInt(attempt.max_fee_wei);
    }
    return sum;
  }

  return { sender, expect, step };
}
