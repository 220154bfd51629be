import { z } from 'zod';
import type { ErrorCode } from '../../../core/errors/catalogue.ts';
import { Amount, Label, Ref, safeText } from '../../../core/schemas/schemas.ts';

/** A top-up takes a block or two. */
export const WAIT_SECONDS = 20;

/** Errors of a purchase, on every interface. */
export const purchaseErrors = [
  'x402_invalid',
  'x402_no_acceptable_offer',
  'x402_offer_changed',
  'agent_not_found',
  'agent_not_active',
  'workflow_not_found',
  'idempotency_conflict',
  'policy_unavailable',
] as const satisfies readonly ErrorCode[];

/** The input of a purchase, on every interface. */
export const purchaseShape = {
  agent: Ref.optional().describe("On whose purse; an agent's own key need not say"),
  max_amount: Amount.optional().describe('Refuse above this amount, even if the policy allows it'),
  workflow: Ref.optional(),
  run: safeText(120).optional(),
  category: Label.optional(),
  memo: safeText(280).optional(),
  again: z
    .int()
    .min(1)
    .max(1_000_000)
    .default(1)
    .describe(
      'The same request is the same purchase, however often it is sent. To buy it once more on purpose, say 2, then 3, …',
    ),
};
export const PurchaseUrl = z
  .url({ protocol: /^https?$/ })
  .max(2048)
  .transform(withoutFragment)
  .refine((url) => url.username === '' && url.password === '', 'holds a user name or password');

/** The fragment is not sent to a server, so it is not part of the purchase. */
function withoutFragment(text: string): URL {
  const url = new URL(text);
  url.hash = '';
  return url;
}
