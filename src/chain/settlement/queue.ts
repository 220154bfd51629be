import type { Address } from 'viem';
import { invariant } from '../../core/errors/base.ts';
import { filterInOrder } from '../../core/inOrder.ts';
import { getAgent } from '../../decide/identity/agents.ts';
import type { Agent } from '../../decide/identity/identity.ts';
import { readChainStop } from '../../decide/payments/chainStops.ts';
import type { Payment } from '../../decide/payments/payment.ts';
import { toPayment } from '../../decide/payments/records.ts';
import type { ReadTx, Tx } from '../../store/store.ts';
import { type Call, createWalletCall, payApprovedCall, payBatchCall, payCall } from '../contracts/agentWallet.ts';
import { type ApprovedTransfer, approvedTransferFromReservation } from '../contracts/approvedTransfer.ts';
import { executorOf, walletConfigFromJson } from '../contracts/walletConfig.ts';
import { outcomesByPurpose } from '../relayer/outcomes.ts';
import { enqueueTransaction } from '../relayer/transactions.ts';
import { type ApprovalPlan, stillActive } from './approvals.ts';
import { toApprove, toQueue } from './queries.ts';

/** `executors`: the keys that send payments; the first one also deploys wallets. */
export type QueueContext = {
  chainId: number;
  factory: Address;
  executors: readonly [Address, ...Address[]];
  atMs: number;
};
/** What the chain was asked before this write. */
export type Asked = {
  /** Refused or reverted before; the chain's state has nothing against them now. */
  cleared: ReadonlySet<string>;
  /** Not to be queued now, whatever else. */
  waiting: readonly string[];
  /** By payment: those that need people's signatures and have none here wait for the next round. */
  approvals: ReadonlyMap<string, ApprovalPlan>;
};

/**
 * Measured with known holders (54,800 gas a transaction, 16,350 a payment): 50 take 17,460 each, 100 take 16,910, 200 take 16,740.
 * Past 100 there is 1 % to gain, and twice as many that one bad payment stops; 100 new holders stay below 3.5 million gas.
 */
export const PAYMENTS_PER_BATCH = 100;
/** How many go together that have been in so many transactions that were refused or reverted: a bad one is soon alone. */
const sizes = [PAYMENTS_PER_BATCH, 10, 1];
const PAYMENTS_PER_TICK = 1_000;

/**
 * Gives every authorized wallet payment without a live transaction a place in one: alone by `pay`, together by `payBatch`,
 * with people's signatures by `payApproved`. Nothing of a frozen agent is sent. In the caller's write transaction.
 */
export async function queueTransfers(tx: Tx, asked: Asked, context: QueueContext): Promise<number> {
  // A chain that contradicts what was final: what it would be asked to pay from may not be there.
  if (await readChainStop(tx, context.chainId)) return 0;
  const waiting = await filterInOrder(await waitingPayments(tx, asked), ({ payment }) =>
    hasApprovals(tx, payment, asked),
  );
  const groups = new Map<string, { size: number; payments: Payment[] }>();
  for (const { payment, tried } of waiting) {
    const size = payment.requiresChainApproval ? 1 : (sizes[tried] ?? 1);
    const key = `${payment.agentId} ${payment.policyDigest} ${size}`;
    const group = groups.get(key);
    if (group) group.payments.push(payment);
    else groups.set(key, { size, payments: [payment] });
  }
  for (const { size, payments } of groups.values()) {
    // The wallet remembers its last nonces only: the lower go first.
    payments.sort((a, b) => Number((a.walletNonce ?? 0n) - (b.walletNonce ?? 0n)));
    for (let from = 0; from < payments.length; from += size)
      await queueGroup(tx, payments.slice(from, from + size), asked, context);
  }
  return waiting.length;
}

/** `tried`: transactions with it that were refused or reverted. */
async function waitingPayments(tx: Tx, { cleared, waiting }: Asked): Promise<{ payment: Payment; tried: number }[]> {
  return (await tx.all(toQueue, { cleared: [...cleared], waiting, limit: PAYMENTS_PER_TICK })).map((row) => ({
    payment: toPayment(row),
    tried: Number(row.tried),
  }));
}

async function hasApprovals(tx: Tx, payment: Payment, { approvals }: Asked): Promise<boolean> {
  if (!payment.requiresChainApproval) return true;
  const plan = approvals.get(payment.id);
  return plan?.kind === 'ready' && (await stillActive(tx, plan.approvals));
}

async function queueGroup(tx: Tx, payments: Payment[], asked: Asked, context: QueueContext): Promise<void> {
  const [first] = payments;
  if (!first) return;
  const agent = await getAgent(tx, first.agentId);
  if (!agent.wallet) return;
  const from = { wallet: agent.wallet.address, purse: agent.wallet.purse };
  const transfers = payments.map((payment) => approvedTransferFromReservation(payment, from));
  await enqueueTransaction(tx, {
    chainId: context.chainId,
    sender: executorOf(agent.wallet.configJson, context.executors),
    ...callFor(transfers, asked),
    purpose: transfers.length > 1 ? 'pay_batch' : 'pay',
    paymentIds: payments.map((payment) => payment.id),
    dependsOn: await deployment(tx, agent, context),
    atMs: context.atMs,
  });
}

function callFor(transfers: ApprovedTransfer[], { approvals }: Asked): Call {
  const [first, ...others] = transfers;
  invariant(first !== undefined, 'A group has a payment');
  if (!first.requiresChainApproval) return others.length === 0 ? payCall(first) : payBatchCall(transfers);
  const plan = approvals.get(first.paymentId);
  invariant(plan?.kind === 'ready', 'A payment that needs signatures has them', { id: first.paymentId });
  return payApprovedCall(first, plan.expiresAtS, plan.approvals);
}

/** The transaction that makes the agent's wallet, queued once; null when the wallet stands. */
export async function deployment(tx: Tx, agent: Agent, context: QueueContext): Promise<bigint | null> {
  if (!agent.wallet || agent.wallet.deployedAtMs !== null) return null;
  const purpose = `deploy:${agent.id}`;
  const live = (await outcomesByPurpose(tx, purpose)).find(
    ({ outcome }) => outcome.kind !== 'dropped' && !(outcome.kind === 'final' && !outcome.succeeded),
  );
  if (live) return live.transactionId;
  const { id } = await enqueueTransaction(tx, {
    chainId: context.chainId,
    sender: context.executors[0],
    ...createWalletCall(context.factory, walletConfigFromJson(agent.wallet.configJson)),
    purpose,
    paymentIds: [],
    atMs: context.atMs,
  });
  return id;
}

/** Authorized payments that need people's signatures and could go now, oldest first. */
export async function needApprovals(tx: ReadTx, waiting: readonly string[], limit: number): Promise<Payment[]> {
  return (await tx.all(toApprove, { waiting, limit })).map(toPayment);
}
