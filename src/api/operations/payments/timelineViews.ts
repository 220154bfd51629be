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

/** What the purse signed for a seller (EIP-3009), without the signature: that is the agent's to present. Null: nothing. */
export function authorizationOf(tx: ReadTx, id: string): z.input<typeof AuthorizationView> | null {
  const row = tx.get(signedTerms, { payment: id });
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
 * What would have passed instead of a denied payment when it was decided, asked of the same policy with the stored input. Null:
 * it was not denied by the policy, or by one that is no longer active. No moment is searched: the agent was told it then.
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
