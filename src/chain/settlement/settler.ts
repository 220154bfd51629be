import { type Address, BaseError } from 'viem';
import { BursarError } from '../../core/errors/base.ts';
import { getAgent } from '../../decide/identity/agents.ts';
import type { Payment } from '../../decide/payments/payment.ts';
import { lapseReviews } from '../../decide/payments/review.ts';
import type { LedStore } from '../../store/leases/leadership.ts';
import { timeIn } from '../../store/time.ts';
import { approvedTransferFromReservation } from '../contracts/approvedTransfer.ts';
import { executorOf } from '../contracts/walletConfig.ts';
import { type NonceWindow, readNonceWindow } from '../contracts/walletState.ts';
import { readCursor } from '../follow/cursor.ts';
import type { Chain } from '../node/chain.ts';
import { passingCause, type Standing, standsAgainst } from '../relayer/standsAgainst.ts';
import { dropReasonIs } from '../relayer/transactions.ts';
import { whyReverted } from '../relayer/whyReverted.ts';
import { type ApprovalPlan, planApprovals } from './approvals.ts';
import { type Ended, endedPayments } from './ended.ts';
import { cancelRevoked, type Failure, failPayment, noteDeployed, noteSubmitted } from './outcomes.ts';
import { needApprovals, type QueueContext, queueTransfers } from './queue.ts';
import { bookedInWallet, isLostNonce, renumber, wasSigned } from './renumber.ts';
import { createWaits, type WaitCause } from './waits.ts';
import { withdrawInactive } from './withdraw.ts';

export type SettlerOptions = {
  store: LedStore;
  chain: Chain;
  factory: Address;
  executors: QueueContext['executors'];
  clock: () => number;
};
export type Settler = { tick(): Promise<{ queued: number }> };

const REVIEWS_PER_TICK = 500;
const LOOKS_PER_TICK = 200;
const APPROVALS_PER_TICK = 50;
/** Mined and reverted so often though the state has nothing against it, a payment fails: each time costs gas. */
const REVERTS_MAX = 3;

/** What the chain was asked in one round, for the write that follows. */
type Round = {
  failed: Failure[];
  renumbered: { payment: Payment; window: NonceWindow }[];
  cleared: Set<string>;
  /** Transactions whose refusal is not to count against their payments. */
  withheld: Set<bigint>;
  approvals: Map<string, ApprovalPlan>;
};

/** Turns authorized payments into queued transactions, and what became of those into payment states. Idempotent. */
export function createSettler({ store, chain, factory, executors, clock }: SettlerOptions): Settler {
  const waits = createWaits();

  function wait({ payment, transactionId }: Ended, cause: WaitCause, data: Record<string, unknown>): void {
    waits.note(payment, { cause, transactionId, data: { chain: chain.chainId, ...data } }, clock());
  }

  /** A cause that passes is not counted against what the transaction carried. */
  function hold(each: Ended, cause: WaitCause, data: Record<string, unknown>, round: Round): void {
    wait(each, cause, data);
    round.withheld.add(each.transactionId);
  }

  /** Asks the chain's state about everything that was refused or reverted. What only the node said is asked again. */
  async function judge(round: Round): Promise<void> {
    const ended = await store.read((tx) => endedPayments(tx, waits.notDue(clock()), LOOKS_PER_TICK));
    const passing = new Map<string, Awaited<ReturnType<typeof passingCause>>>();
    for (const each of ended) {
      const { wallet } = await store.read((tx) => getAgent(tx, each.payment.agentId));
      if (!wallet) continue;
      if (each.dropped === 'dependency_failed' || wallet.deployedAtMs === null) {
        judgeDeployment(each, round);
        continue;
      }
      if (!passing.has(wallet.address)) passing.set(wallet.address, await passingCause(chain, wallet.address));
      const cause = passing.get(wallet.address);
      if (cause) hold(each, cause, { wallet: wallet.address, token: chain.token }, round);
      else if (each.together > 1) {
        waits.forget(each.payment.id);
        round.cleared.add(each.payment.id);
      } else await judgeOne(each, await standing(each.payment, wallet), round);
    }
  }

  /** The wallet could not be made. Only its owner or an operator can change that: the payment waits, and can be cancelled. */
  function judgeDeployment(each: Ended, round: Round): void {
    const known = waits.of(each.payment.id);
    if (known?.transactionId === each.transactionId) round.cleared.add(each.payment.id);
    else hold(each, 'deployment_refused', { said: each.said }, round);
  }

  async function standing(
    payment: Payment,
    wallet: { address: Address; purse: Address; configJson: string },
  ): Promise<Standing> {
    const transfer = approvedTransferFromReservation(payment, { wallet: wallet.address, purse: wallet.purse });
    const known = await store.read(async (tx) => ({
      block: await readCursor(tx, chain.chainId),
      balance: await bookedInWallet(tx, payment.agentId),
      executor: executorOf(wallet.configJson, executors),
    }));
    return standsAgainst(chain, transfer, known);
  }

  async function judgeOne(each: Ended, found: Standing, round: Round): Promise<void> {
    const { payment, said, transactionId, dropped, reverts } = each;
    switch (found.kind) {
      case 'clear': {
        if (dropped === null && reverts >= REVERTS_MAX) {
          if (each.mayComeLater) return hold(each, 'refusal_unexplained', { said }, round);
          const why = await whyReverted(chain, store.read, transactionId);
          round.failed.push({
            payment,
            reason: `The transaction reverted ${reverts} times: ${why?.error ?? 'no reason'}`,
          });
          return;
        }
        const known = waits.of(payment.id);
        const isNew = known?.transactionId !== transactionId;
        if (!known || !isNew) round.cleared.add(payment.id);
        if (known && !isNew && known.cause !== 'refusal_unexplained') waits.forget(payment.id);
        // Each time that it is refused though nothing is against it, it waits longer before it is asked again.
        else if (isNew) wait(each, 'refusal_unexplained', { said });
        return;
      }
      case 'refused':
        if (each.mayComeLater) return hold(each, 'refusal_unexplained', { said, why: found.reason }, round);
        round.failed.push({ payment, reason: found.reason });
        return;
      case 'passing':
        hold(each, found.cause, { said: found.cause }, round);
        return;
      case 'nonce_used':
        if (await isLostNonce({ store, chain }, payment)) await giveNonce(payment, round);
        else hold(each, 'nonce_used', { nonce: String(payment.walletNonce) }, round);
        return;
      case 'nonce_ahead':
        // Nothing was signed under it, so that a lower one cannot pay twice.
        if (!(await store.read((tx) => wasSigned(tx, payment.id)))) await giveNonce(payment, round);
        else hold(each, 'nonce_used', { nonce: String(payment.walletNonce) }, round);
        return;
      case 'unbelievable':
        hold(each, 'refusal_unexplained', { said, why: found.reason }, round);
        return;
      default:
        found satisfies never;
    }
  }

  async function giveNonce(payment: Payment, round: Round): Promise<void> {
    const wallet = (await store.read((tx) => getAgent(tx, payment.agentId))).wallet?.address;
    if (wallet) round.renumbered.push({ payment, window: await readNonceWindow(chain, wallet) });
  }

  /** Which signatures the wallet gets for each payment that needs some. */
  async function gatherApprovals(round: Round): Promise<void> {
    const payments = await store.read((tx) => needApprovals(tx, waits.notDue(clock()), APPROVALS_PER_TICK));
    for (const payment of payments) {
      const plan = await planApprovals({ store, chain }, payment);
      round.approvals.set(payment.id, plan);
      const known = waits.of(payment.id);
      const transactionId = known?.transactionId ?? null;
      if (plan.kind === 'ready' && known?.cause === 'approvals_short') waits.forget(payment.id);
      if (plan.kind === 'short')
        waits.note(payment, { cause: 'approvals_short', transactionId, data: plan.data }, clock());
      if (plan.kind === 'unknown') {
        waits.note(payment, { cause: 'refusal_unexplained', transactionId, data: { why: plan.reason } }, clock());
      }
      if (plan.kind === 'expired' && (await isUnpaid(payment))) round.failed.push({ payment, reason: plan.reason });
    }
  }

  async function isUnpaid(payment: Payment): Promise<boolean> {
    const { wallet } = await store.read((tx) => getAgent(tx, payment.agentId));
    if (!wallet) return false;
    if (wallet.deployedAtMs === null) return true;
    const found = await standing(payment, wallet);
    if (found.kind === 'nonce_used') return isLostNonce({ store, chain }, payment);
    return found.kind !== 'unbelievable';
  }

  return {
    async tick() {
      const round: Round = {
        ...{ failed: [], renumbered: [], cleared: new Set(), withheld: new Set(), approvals: new Map() },
      };
      // Without the chain's word nothing is judged; what else is due goes on.
      await orSilent(async () => {
        await judge(round);
        await gatherApprovals(round);
      });
      return store.write(async (tx) => {
        const atMs = await timeIn(tx, clock());
        await noteDeployed(tx, chain.chainId, atMs);
        for (const failure of round.failed) await failPayment(tx, failure, atMs);
        for (const { payment, window } of round.renumbered) {
          if (!(await renumber(tx, payment, window, atMs))) continue;
          waits.forget(payment.id);
          round.cleared.add(payment.id);
        }
        for (const id of round.withheld) await dropReasonIs(tx, id, 'withheld');
        await noteSubmitted(tx, atMs);
        await lapseReviews(tx, atMs, REVIEWS_PER_TICK);
        await cancelRevoked(tx, atMs);
        await withdrawInactive(tx);
        await waits.settle(tx, atMs);
        const { cleared, approvals } = round;
        const waiting = waits.notDue(atMs).filter((id) => !cleared.has(id));
        return {
          queued: await queueTransfers(
            tx,
            { cleared, waiting, approvals },
            { chainId: chain.chainId, factory, executors, atMs },
          ),
        };
      });
    },
  };
}

async function orSilent(ask: () => Promise<void>): Promise<void> {
  try {
    await ask();
  } catch (error) {
    const isChain = error instanceof BursarError && /^chain_/.test(error.code);
    if (!isChain && !(error instanceof BaseError)) throw error;
  }
}
