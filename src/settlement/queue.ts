import type { Address, Hex } from 'viem';
import { type Agent, getAgent } from '../identity/agents.ts';
import type { Payment } from '../payments/payment.ts';
import { type PaymentRow, toPayment, WORKING } from '../payments/records.ts';
import type { Tx } from '../store/store.ts';
import {
  type Approval,
  type Call,
  createWalletCall,
  payApprovedCall,
  payBatchCall,
  payCall,
} from '../wallet/agentWallet.ts';
import { type ApprovedTransfer, approvedTransferFromReservation } from '../wallet/approvedTransfer.ts';
import { outcomesByPurpose } from '../wallet/outcomes.ts';
import { enqueueTransaction } from '../wallet/transactions.ts';
import { walletConfigFromJson } from '../wallet/walletConfig.ts';

export type QueueContext = { chainId: number; factory: Address; executor: Address; atMs: number };

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
export function queueTransfers(tx: Tx, context: QueueContext): number {
  const waiting = waitingPayments(tx);
  const groups = new Map<string, { size: number; payments: Payment[] }>();
  for (const { payment, tried } of waiting) {
    const size = payment.requiresChainApproval ? 1 : (sizes[tried] ?? 1);
    const key = `${payment.agentId} ${payment.policyDigest} ${size}`;
    const group = groups.get(key);
    if (group) group.payments.push(payment);
    else groups.set(key, { size, payments: [payment] });
  }
  for (const { size, payments } of groups.values()) {
    for (let from = 0; from < payments.length; from += size) queueGroup(tx, payments.slice(from, from + size), context);
  }
  return waiting.length;
}

/** `tried`: transactions with it that were refused or reverted. */
function waitingPayments(tx: Tx): { payment: Payment; tried: number }[] {
  return tx
    .all<PaymentRow & { tried: bigint }>(
      `SELECT p.*, (SELECT count(*) FROM transaction_payments tp JOIN transactions t ON t.id = tp.transaction_id
           WHERE tp.payment_id = p.id AND (t.drop_reason IN ('refused', 'no_contract') OR t.succeeded = 0)) AS tried
       FROM payments p JOIN agents a ON a.id = p.agent_id
       WHERE p.${WORKING} AND p.state IN ('authorized', 'submitted') AND p.rail = 'wallet' AND a.status = 'active'
         AND NOT EXISTS (SELECT 1 FROM transaction_payments tp JOIN transactions t ON t.id = tp.transaction_id
           WHERE tp.payment_id = p.id AND t.state <> 'dropped' AND NOT (t.state = 'final' AND t.succeeded = 0))
       ORDER BY p.id LIMIT ?`,
      PAYMENTS_PER_TICK,
    )
    .map((row) => ({ payment: toPayment(row), tried: Number(row.tried) }));
}

function queueGroup(tx: Tx, payments: Payment[], context: QueueContext): void {
  const [first] = payments;
  if (!first) return;
  const agent = getAgent(tx, first.agentId);
  if (!agent.wallet) return;
  const from = { wallet: agent.wallet.address, purse: agent.wallet.purse };
  const transfers = payments.map((payment) => approvedTransferFromReservation(payment, from));
  enqueueTransaction(tx, {
    chainId: context.chainId,
    sender: context.executor,
    ...callFor(tx, transfers, agent.wallet.ceilings.approvers),
    purpose: transfers.length > 1 ? 'pay_batch' : 'pay',
    paymentIds: payments.map((payment) => payment.id),
    dependsOn: deployment(tx, agent, context),
    atMs: context.atMs,
  });
}

function callFor(tx: Tx, transfers: ApprovedTransfer[], listed: readonly Address[]): Call {
  const [first, ...others] = transfers;
  if (!first) throw new Error('unreachable');
  if (first.requiresChainApproval) {
    const { approvals, expiresAtS } = chainApprovals(tx, first, listed);
    return payApprovedCall(first, expiresAtS, approvals);
  }
  return others.length === 0 ? payCall(first) : payBatchCall(transfers);
}

/**
 * The signatures of approvers who are still active and whom the wallet lists: it refuses a payment for one signature that it
 * does not know, however many good ones there are. All were made over one expiry.
 */
function chainApprovals(
  tx: Tx,
  transfer: ApprovedTransfer,
  listed: readonly Address[],
): { approvals: Approval[]; expiresAtS: number } {
  const rows = tx.all<{ address: Address; signature: Hex; expires_at: bigint }>(
    `SELECT r.address, a.signature, a.expires_at FROM approvals a JOIN approvers r ON r.id = a.approver_id
     WHERE a.payment_id = ? AND a.verdict = 'approve' AND r.status = 'active'`,
    transfer.paymentId,
  );
  return {
    approvals: rows
      .filter(({ address }) => listed.includes(address))
      .map(({ address, signature }) => ({ approver: address, signature })),
    expiresAtS: Math.floor(Number(rows[0]?.expires_at ?? 0n) / 1000),
  };
}

/** The transaction that makes the agent's wallet, queued once; null when the wallet stands. */
export function deployment(tx: Tx, agent: Agent, context: QueueContext): bigint | null {
  if (!agent.wallet || agent.wallet.deployedAtMs !== null) return null;
  const purpose = `deploy:${agent.id}`;
  const live = outcomesByPurpose(tx, purpose).find(
    ({ outcome }) => outcome.kind !== 'dropped' && !(outcome.kind === 'final' && !outcome.succeeded),
  );
  if (live) return live.transactionId;
  const { id } = enqueueTransaction(tx, {
    chainId: context.chainId,
    sender: context.executor,
    ...createWalletCall(context.factory, walletConfigFromJson(agent.wallet.configJson)),
    purpose,
    paymentIds: [],
    atMs: context.atMs,
  });
  return id;
}
