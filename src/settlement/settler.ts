import type { Address } from 'viem';
import { getAgent } from '../identity/agents.ts';
import { lapseReviews } from '../payments/review.ts';
import type { Store } from '../store/store.ts';
import type { Chain } from '../wallet/chain.ts';
import { isNonceUsed } from '../wallet/walletState.ts';
import { cancelRevoked, type Failure, failPayment, failures, noteDeployed, noteSubmitted } from './outcomes.ts';
import { queueTransfers } from './queue.ts';
import { withdrawInactive } from './withdraw.ts';

export type SettlerOptions = {
  store: Store;
  chain: Chain;
  factory: Address;
  executor: Address;
  clock: () => number;
};
export type Settler = { tick(): Promise<{ queued: number }> };

const REVIEWS_PER_TICK = 500;

/** Turns authorized payments into queued transactions, and what became of those into payment states. Idempotent. */
export function createSettler({ store, chain, factory, executor, clock }: SettlerOptions): Settler {
  /** Only what the wallet has provably not paid may fail: a used nonce is left to the follower, who will find the log. */
  async function unpaid(found: Failure[]): Promise<Failure[]> {
    const kept: Failure[] = [];
    for (const failure of found) {
      const { wallet } = store.read((tx) => getAgent(tx, failure.payment.agentId));
      const nonce = failure.payment.walletNonce;
      if (!wallet || nonce === null) continue;
      if (!(await isNonceUsed(chain, wallet.address, nonce))) kept.push(failure);
    }
    return kept;
  }

  return {
    async tick() {
      const failed = await unpaid(store.read(failures));
      return store.write((tx) => {
        const atMs = clock();
        noteDeployed(tx, chain.chainId, atMs);
        for (const failure of failed) failPayment(tx, failure, atMs);
        noteSubmitted(tx, atMs);
        lapseReviews(tx, atMs, REVIEWS_PER_TICK);
        cancelRevoked(tx, atMs);
        withdrawInactive(tx);
        return { queued: queueTransfers(tx, { chainId: chain.chainId, factory, executor, atMs }) };
      });
    },
  };
}
