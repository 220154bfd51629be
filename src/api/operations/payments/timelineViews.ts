import { z } from 'zod';
import { AmountView, amountView, iso } from '../../../core/schemas/schemas.ts';
import type { Payment } from '../../../decide/payments/payment.ts';
import type { Decision } from '../../../decide/policy/decision.ts';
import { findHints } from '../../../decide/policy/hints.ts';
import type { PolicyInput } from '../../../decide/policy/input.ts';
import type { ReadTx } from '../../../store/store.ts';
import type { App } from '../app.ts';
import type { HintsView } from './paymentView.ts';
import { signedTerms } from './queries.ts';

export const AuthorizationView = z
  .object({
    from: z.string().describe("The agent's purse"),
    to: z.string(),
    amount: AmountView,
    nonce: z.string(),
    valid_after: z.string(),
    valid_before: z.string(),
    cancelled_at: z.string().nullable(),
  })
  .meta({ id: 'Authorization' });

/** The purse's signed data for a seller (EIP-3009), without the signature, which only the agent may present. Null: none. */
export async function authorizationOf(tx: ReadTx, id: string): Promise<z.input<typeof AuthorizationView> | null> {
  const row = await tx.get(signedTerms, { payment: id });
  if (!row) return null;
  return {
    from: row.purse,
    to: row.pay_to,
    amount: amountView(row.value_micro),
    nonce: row.nonce,
    valid_after: iso(Number(row.valid_after_s) * 1000),
    valid_before: iso(Number(row.valid_before_s) * 1000),
    cancelled_at: row.cancelled_at === null ? null : iso(Number(row.cancelled_at)),
  };
}

/**
 * What the policy would have allowed instead of a denied payment at that time, evaluated with the stored input. Null: the policy
 * did not deny it, or is no longer active. No time is searched, because the agent got it then.
 */
export function hintsThen(app: App, payment: Payment, inputText: string | undefined): z.input<typeof HintsView> | null {
  if (payment.state !== 'denied' || inputText === undefined) return null;
  const policy = app.policies.active();
  if (policy.digest !== payment.policyDigest) return null;
  const decision: Decision = policy.evaluate(inputText).decision;
  if (decision.effect !== 'deny') return null;
  const { maxAmount } = findHints(policy, { input: JSON.parse(inputText) as PolicyInput, decision });
  return {
    largest_amount_now: maxAmount === null ? null : amountView(maxAmount),
    earliest_time: null,
    unlocked_by: null,
  };
}
