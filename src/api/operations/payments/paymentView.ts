import { z } from 'zod';
import { paymentKinds } from '../../../core/payment/kinds.ts';
import { states } from '../../../core/payment/states.ts';
import { AmountView, amountView, iso, isoOrNull, ReasonView, ReviewView } from '../../../core/schemas/schemas.ts';
import type { Payment } from '../../../decide/payments/payment.ts';
import type { ReadTx, Store } from '../../../store/store.ts';
import { gasByHash, refundsOfPayment, verdictsOf } from './queries.ts';

export const HintsView = z
  .object({
    largest_amount_now: AmountView.nullable().describe('The largest amount that the policy would allow now'),
    earliest_time: z.string().nullable().describe('When the same request would pass, if nothing else changes'),
    unlocked_by: z.object({ quorum: z.int(), roles: z.array(z.string()) }).nullable(),
  })
  .meta({ id: 'Hints' });

const Verdict = z
  .object({
    approver: z.string(),
    verdict: z.enum(['approve', 'reject']),
    counts: z
      .boolean()
      .describe('Of the roles that the review asks for, and not the sponsor where the policy forbids it'),
    reason: z.string().nullable().describe("The person's comment; the signature does not cover it"),
    at: z.string(),
  })
  .meta({ id: 'Verdict' });

export const PaymentView = z
  .object({
    id: z.string(),
    state: z.enum(states),
    kind: z.enum(paymentKinds),
    rail: z.enum(['wallet', 'x402']),
    amount: AmountView,
    agent: z.string(),
    sponsor: z.string(),
    workflow: z.string().nullable(),
    run: z.string().nullable(),
    payee: z.string().nullable(),
    address: z.string(),
    network: z.string(),
    host: z.string().nullable(),
    category: z.string().nullable(),
    memo: z.string().nullable(),
    reasons: z.array(ReasonView),
    review: ReviewView.extend({
      approvals: z.array(Verdict),
    }).nullable(),
    policy_digest: z.string(),
    decision_hash: z.string(),
    refund_of: z.string().nullable(),
    receivable: z.string().nullable().describe('On a refund: what it gives back. On a split: what it passes on'),
    refunds: z.array(z.string()),
    funds: z.string().nullable().describe('On a top_up: the purchase that waits for it'),
    batch: z.string().nullable(),
    mandate: z.string().nullable().describe("The standing approval that stood in for people's signatures"),
    settlement: z
      .object({
        tx_hash: z.string(),
        log_index: z.int(),
        block_number: z.string(),
        settled_at: z.string(),
        gas_used: z.string().nullable().describe('Of the whole transaction; null where others sent it'),
        payments_in_transaction: z.int(),
      })
      .nullable(),
    created_at: z.string(),
    updated_at: z.string(),
  })
  .meta({ id: 'Payment' });
export type PaymentView = z.input<typeof PaymentView>;

/** What other rows say of a payment. */
type Beside = {
  approvals: z.input<typeof Verdict>[];
  refunds: string[];
  settlement: PaymentView['settlement'];
};
const NOTHING: Beside = { approvals: [], refunds: [], settlement: null };

export async function paymentView(tx: ReadTx, payment: Payment): Promise<PaymentView> {
  if (isComplete(payment)) return viewOf(payment, NOTHING);
  const { id, review, settlement } = payment;
  return viewOf(payment, {
    approvals: review === null ? [] : await approvalsOf(tx, id),
    refunds: settlement === null ? [] : await refundsOf(tx, id),
    settlement: await settlementView(tx, payment),
  });
}

/** The same without a transaction; most new payments need no reading. */
export async function readPaymentView(store: Store, payment: Payment): Promise<PaymentView> {
  if (isComplete(payment)) return viewOf(payment, NOTHING);
  return await store.read((tx) => paymentView(tx, payment));
}

/** Neither in review nor settled: no other row says anything of it. */
const isComplete = ({ review, settlement }: Payment): boolean => review === null && settlement === null;

function viewOf(payment: Payment, { approvals, refunds, settlement }: Beside): PaymentView {
  return {
    id: payment.id,
    state: payment.state,
    kind: payment.kind,
    rail: payment.rail,
    amount: amountView(payment.amount),
    agent: payment.agentId,
    sponsor: payment.sponsorId,
    workflow: payment.workflowId,
    run: payment.workflowRun,
    payee: payment.payeeId,
    address: payment.address,
    network: `eip155:${payment.chainId}`,
    host: payment.host,
    category: payment.category,
    memo: payment.memo,
    reasons: [...payment.reasons],
    review: payment.review && {
      quorum: payment.review.quorum,
      roles: [...payment.review.roles],
      expires_at: isoOrNull(payment.reviewExpiresAtMs),
      approvals,
    },
    policy_digest: payment.policyDigest,
    decision_hash: payment.decisionHash,
    refund_of: payment.refundOf,
    receivable: payment.receivableId,
    refunds,
    funds: payment.fundsPayment,
    batch: payment.batchId,
    mandate: payment.mandateId,
    settlement,
    created_at: iso(payment.createdAtMs),
    updated_at: iso(payment.updatedAtMs),
  };
}

async function approvalsOf(tx: ReadTx, id: string): Promise<z.input<typeof Verdict>[]> {
  return (await tx.all(verdictsOf, { payment: id })).map((row) => ({
    approver: row.name,
    verdict: row.verdict,
    counts: row.counts === 1n,
    reason: row.reason,
    at: iso(Number(row.signed_at)),
  }));
}

async function refundsOf(tx: ReadTx, id: string): Promise<string[]> {
  return (await tx.all(refundsOfPayment, { payment: id })).map((row) => row.id);
}

async function settlementView(tx: ReadTx, { settlement }: Payment): Promise<PaymentView['settlement']> {
  if (!settlement) return null;
  const sent = await tx.get(gasByHash, { hash: settlement.txHash });
  return {
    tx_hash: settlement.txHash,
    log_index: settlement.logIndex,
    block_number: settlement.blockNumber.toString(),
    settled_at: iso(settlement.settledAtMs),
    gas_used: sent?.gas_used?.toString() ?? null,
    // A sale that the built-in facilitator settled names no payment of a wallet, but is one.
    payments_in_transaction: Math.max(1, Number(sent?.n ?? 1n)),
  };
}
