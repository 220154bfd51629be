import type { Hex } from 'viem';
import { z } from 'zod';
import { approvalTypedData, verifySignature } from '../../../chain/contracts/approval.ts';
import { policyDigestOnChain } from '../../../chain/contracts/approvedTransfer.ts';
import { approversVersionOf } from '../../../chain/contracts/walletState.ts';
import { noLongerGood } from '../../../chain/settlement/approvals.ts';
import { BursarError } from '../../../core/errors/base.ts';
import { mapInOrder } from '../../../core/inOrder.ts';
import { toJson } from '../../../core/money/json.ts';
import { AddressText, idOf, Limit, safeText } from '../../../core/schemas/schemas.ts';
import { getAgent } from '../../../decide/identity/agents.ts';
import type { Payment } from '../../../decide/payments/payment.ts';
import { listPayments } from '../../../decide/payments/records.ts';
import { takeVerdict } from '../../../decide/payments/review.ts';
import type { ReadTx } from '../../../store/store.ts';
import type { App } from '../app.ts';
import { operation } from '../operation.ts';
import { gateRules } from './paymentRequest.ts';
import { visiblePayment } from './payments.ts';
import { PaymentView, paymentView, readPaymentView } from './paymentView.ts';

const Verdict = z.enum(['approve', 'reject']);

type Wanted = { verdict: 'approve' | 'reject'; version: bigint };

/** Read from the wallet itself: the books get a new list of approvers a moment later. */
async function versionFor(app: App, agentId: string): Promise<bigint> {
  const wallet = (await app.store.read((tx) => getAgent(tx, agentId))).wallet;
  if (!wallet) return 1n;
  return approversVersionOf(app.chain, wallet.address, BigInt(wallet.ceilings.approversVersion ?? 1));
}

/** The data for a person to sign, built from the stored payment alone: nothing from the caller is in it. */
async function typedDataOf(app: App, tx: ReadTx, payment: Payment, { verdict, version }: Wanted) {
  const { wallet } = await getAgent(tx, payment.agentId);
  if (payment.state !== 'in_review' || payment.reviewExpiresAtMs === null || !wallet) {
    throw new BursarError('invalid_transition', { details: { state: payment.state } });
  }
  return approvalTypedData(verdict, {
    chainId: payment.chainId,
    wallet: wallet.address,
    token: app.chainFacts.token,
    chainKey: payment.chainKey,
    payee: payment.address,
    amount: payment.amount,
    policyDigest: policyDigestOnChain(payment.policyDigest),
    decisionHash: payment.decisionHash,
    approversVersion: version,
    expiresAtS: Math.floor(payment.reviewExpiresAtMs / 1000),
  });
}

export const reviewOperations = [
  operation({
    name: 'list_reviews',
    summary: 'Payments in review.',
    method: 'GET',
    path: '/v1/reviews',
    scope: 'approve',
    cost: 'medium',
    input: z.strictObject({ limit: Limit }),
    output: z.object({ payments: z.array(PaymentView) }),
    errors: [],
    handler: (app, _caller, { limit }) =>
      app.store.read(async (tx) => ({
        payments: await mapInOrder(await listPayments(tx, { state: 'in_review', limit }), (payment) =>
          paymentView(tx, payment),
        ),
      })),
  }),
  operation({
    name: 'get_review',
    summary: 'A payment under review with the EIP-712 data that an approver signs to approve or to reject it.',
    method: 'GET',
    path: '/v1/reviews/{id}',
    scope: 'approve',
    cost: 'medium',
    input: z.strictObject({ id: idOf('payment') }),
    output: z.object({
      payment: PaymentView,
      approve: z.record(z.string(), z.unknown()),
      reject: z.record(z.string(), z.unknown()),
      sponsor_may_approve: z.boolean().describe("Whether the policy counts a signature of the agent's own sponsor"),
    }),
    errors: ['payment_not_found', 'invalid_transition', 'policy_unavailable'],
    handler: async (app, caller, { id }) => {
      const version = await versionFor(app, (await app.store.read((tx) => visiblePayment(tx, caller, id))).agentId);
      return app.store.read(async (tx) => {
        const payment = await visiblePayment(tx, caller, id);
        const of = async (verdict: 'approve' | 'reject') =>
          JSON.parse(toJson(await typedDataOf(app, tx, payment, { verdict, version }))) as Record<string, unknown>;
        return {
          payment: await paymentView(tx, payment),
          approve: await of('approve'),
          reject: await of('reject'),
          sponsor_may_approve: app.policies.active().sponsorMayApprove,
        };
      });
    },
  }),
  operation({
    name: 'answer_review',
    summary: "Submit an approver's signature. After an approval the gate decides again, with all approvals so far.",
    method: 'POST',
    path: '/v1/reviews/{id}',
    scope: 'approve',
    cost: 'medium',
    input: z.strictObject({
      id: idOf('payment'),
      verdict: Verdict,
      approver: AddressText,
      signature: z
        .string()
        .max(16_386)
        .regex(/^0x([0-9a-fA-F]{2})+$/, 'is not hex')
        .describe('EIP-712, by an EOA or as an ERC-1271 contract takes it'),
      reason: safeText(500)
        .optional()
        .describe('Shown to the requester of the payment; the signature does not cover it'),
    }),
    output: PaymentView,
    errors: [
      'payment_not_found',
      'invalid_transition',
      'approver_not_found',
      'approval_invalid',
      'review_expired',
      'chain_unavailable',
      'policy_unavailable',
    ],
    handler: async (app, caller, input) => {
      const version = await versionFor(
        app,
        (await app.store.read((tx) => visiblePayment(tx, caller, input.id))).agentId,
      );
      const { typedData, reviewed } = await app.store.read(async (tx) => {
        const reviewed = await visiblePayment(tx, caller, input.id);
        return { typedData: await typedDataOf(app, tx, reviewed, { verdict: input.verdict, version }), reviewed };
      });
      const check = await verifySignature(app.chain, input.approver, typedData, input.signature as Hex);
      if (!check.valid) {
        throw new BursarError('approval_invalid', {
          message: "The signature is not this approver's over this payment.",
          details: { why: check.why },
        });
      }
      const bad = await noLongerGood(app, reviewed);
      const payment = await app.store.write(async (tx) =>
        takeVerdict(
          tx,
          input.id,
          {
            verdict: input.verdict,
            approverAddress: input.approver,
            signature: check.signature,
            typedDataJson: toJson(typedData),
            expiresAtMs: Number(typedData.message.expiresAt) * 1000,
            reason: input.reason ?? null,
            noLongerGood: bad,
          },
          await gateRules(tx, app, caller),
        ),
      );
      app.wake();
      return readPaymentView(app.store, payment);
    },
  }),
];
