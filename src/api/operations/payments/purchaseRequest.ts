import type { AgentId } from '../../../core/ids/ids.ts';
import { shownText } from '../../../core/text/unseen.ts';
import type { PaymentRequest } from '../../../decide/payments/request.ts';
import type { PayableOffer } from '../../../spend/x402/offer.ts';
import type { PaymentRequired } from '../../../spend/x402/paymentRequired.ts';

/** The parts of a purchase that go to the gate, besides the offer. */
export type PurchaseTerms = {
  agentId: AgentId;
  url: URL;
  method: string;
  bodySha256: string | null;
  workflow: string | undefined;
  run: string | undefined;
  category: string | undefined;
  memo: string | undefined;
};

/** One offer of a 402 in the gate's form. Host, path and method are those of the request; the rest is the seller's claim. */
export function purchaseRequest(
  { agentId, url, method, bodySha256, workflow, run, category, memo }: PurchaseTerms,
  offer: PaymentRequired,
  { requirement, amount, payTo, flow }: PayableOffer,
  { idempotencyKey, bodyHash }: { idempotencyKey: string; bodyHash: string },
): PaymentRequest {
  const x402 = {
    path: url.pathname.slice(0, 2048),
    method,
    scheme: requirement.scheme,
    payment_flow: flow,
    max_timeout_seconds: requirement.maxTimeoutSeconds,
    // People and policies read this; the signed payload repeats the seller's own bytes.
    resource: shownText(offer.resource.url),
    description: offer.resource.description === undefined ? null : shownText(offer.resource.description),
  };
  const evidence = { x402, url: url.href, body_sha256: bodySha256, requirement, resource: offer.resource };
  return {
    agentId,
    idempotencyKey,
    bodyHash,
    requestJson: JSON.stringify({ ...evidence, extensions: offer.extensions ?? null }),
    kind: 'purchase',
    amount,
    payee: null,
    address: payTo,
    workflow: workflow === undefined ? null : { ref: workflow, run: run ?? null },
    category: category ?? null,
    memo: memo ?? null,
    refundOf: null,
    batchId: null,
    rail: 'x402',
    host: url.host,
    x402,
  };
}
