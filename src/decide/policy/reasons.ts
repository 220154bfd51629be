import { formatUsdc } from '../../core/money/microUsdc.ts';

type Figure = string | number | boolean | null;
type Figures = { observed?: Figure; limit?: Figure };
type Sentence = (figures: Figures) => string;

const usdc = (value: Figure | undefined): string =>
  typeof value === 'number' && Number.isSafeInteger(value) ? `${formatUsdc(BigInt(value))} USDC` : 'an unknown amount';
const plain = (value: Figure | undefined): string =>
  value === undefined || value === null || value === '' ? 'none' : String(value);

/**
 * The catalogue of reasons: code -> sentence. Rego returns only codes and values. A code is never renamed once released; amounts
 * are micro-USDC, other values are shown unchanged.
 */
export const reasonCatalogue = {
  // The composition
  all_passed: () => 'The payment passed every control of the policy.',
  approved: ({ observed, limit }) =>
    `The payment passed every control or was approved (${plain(observed)} of ${plain(limit)} approvals).`,
  mandated: ({ observed }) => `The payment passed every control or is covered by the mandate ${plain(observed)}.`,
  control_undefined: ({ observed }) =>
    `The control ${plain(observed)} gave no answer: a field of the input or of the policy data is missing, or there is no such control.`,
  nothing_required: ({ observed }) =>
    `The policy has no controls for payments of kind ${plain(observed)}, so payments of that kind are denied.`,
  input_incomplete: () => 'The policy could not be applied: its input or its data is incomplete.',
  // The policy as a whole
  policy_error: () => 'The policy failed during evaluation, so the payment is denied.',
  policy_undefined: () => 'The policy gave no decision, so the payment is denied.',
  policy_malformed: () => 'The policy gave an invalid decision, so the payment is denied.',
  policy_timeout: () => 'The policy took too long to answer, so the payment is denied.',
  // agent_active
  agent_not_active: ({ observed }) => `The agent is ${plain(observed)}.`,
  sponsor_not_active: ({ observed }) => `The agent's sponsor is ${plain(observed)}.`,
  workflow_not_active: ({ observed }) => `The workflow is ${plain(observed)}.`,
  // payee_allowed
  payee_not_allowed: ({ observed }) => `The payee ${plain(observed)} is not on the agent's list of allowed payees.`,
  payee_blocked: ({ observed }) => `The payee ${plain(observed)} is blocked.`,
  // payment_cap
  payment_cap: ({ observed, limit }) =>
    `The amount of ${usdc(observed)} is over the cap of ${usdc(limit)} for one payment.`,
  // category_limit
  category_not_allowed: ({ observed }) => `Payments in the category ${plain(observed)} are not allowed.`,
  category_not_of_payee: ({ observed }) => `The payee does not have the category ${plain(observed)}.`,
  category_limit: ({ observed, limit }) =>
    `With this payment the agent's spending in the category this month would be ${usdc(observed)}, over the limit of ${usdc(limit)}.`,
  // agent_daily, agent_monthly, payee_limit, velocity
  agent_daily: ({ observed, limit }) =>
    `With this payment the agent's spending today would be ${usdc(observed)}, over the limit of ${usdc(limit)} a day.`,
  agent_monthly: ({ observed, limit }) =>
    `With this payment the agent's spending this month would be ${usdc(observed)}, over the limit of ${usdc(limit)} a month.`,
  payee_limit: ({ observed, limit }) =>
    `With this payment the agent would have paid this payee ${usdc(observed)} within 30 days, over the limit of ${usdc(limit)}.`,
  velocity: ({ observed, limit }) =>
    `This would be payment number ${plain(observed)} of the agent within an hour; the limit is ${plain(limit)}.`,
  // working_hours
  outside_working_hours: ({ observed, limit }) =>
    `The time is ${plain(observed)}; payments are allowed ${plain(limit)}.`,
  // large_amount
  large_amount: ({ observed, limit }) =>
    `Payments of ${usdc(limit)} or more need approval; this one is ${usdc(observed)}.`,
  // new_payee
  new_payee: ({ observed }) =>
    `This agent has never paid ${plain(observed)}, and the payee's address is not verified: approval is required.`,
  // changed_address
  address_retired: ({ observed }) => `The address ${plain(observed)} is no longer in use by the payee.`,
  address_unknown: ({ observed }) =>
    `The address ${plain(observed)} is not registered for the payee: approval is required.`,
  address_changed: ({ observed }) =>
    `The payee's address was changed to ${plain(observed)}, and the change is not verified or was verified too recently: approval is required.`,
  address_shared: ({ observed }) => `The address is registered for ${plain(observed)} payees: approval is required.`,
  host_not_known: ({ observed, limit }) =>
    `The host ${plain(observed)} asks for payment to ${plain(limit)}, but is not registered as that payee's host: approval is required. After checking the host, an operator can register it with bursar payee update "${plain(limit)}" --hosts ${plain(observed)} (with all its other hosts).`,
  host_address_changed: ({ observed, limit }) =>
    `The seller now asks for payment to ${plain(observed)}; previously it was ${plain(limit)}: approval is required.`,
  // one_time_recurring
  recurring_mismatch: ({ observed }) =>
    `The payment kind ${plain(observed)} does not match: recurring payments, and only those, must have the kind recurring.`,
  recurring_not_allowed: ({ observed }) => `Recurring payments to ${plain(observed)} are not allowed.`,
  recurring_cap: ({ observed, limit }) =>
    `The amount of ${usdc(observed)} is over the cap of ${usdc(limit)} for one recurring payment.`,
  recurring_monthly: ({ observed, limit }) =>
    `With this payment the agent's recurring spending this month would be ${usdc(observed)}, over the limit of ${usdc(limit)}.`,
  // recurring_change
  recurring_price_rise: ({ observed, limit }) =>
    `The recurring payment increased to ${usdc(observed)}; the previous one was ${usdc(limit)}: approval is required.`,
  recurring_idle: ({ observed, limit }) =>
    `This payee was last paid ${plain(observed)} days ago, more than ${plain(limit)}: approval is required.`,
  // x402_terms
  x402_asset: ({ observed }) => `The asset ${plain(observed)} is not accepted.`,
  x402_scheme: ({ observed }) => `The x402 scheme ${plain(observed)} is not accepted.`,
  x402_network: ({ observed }) => `The network ${plain(observed)} is not accepted for x402.`,
  x402_payment_flow: ({ observed }) => `The x402 payment flow ${plain(observed)} is not accepted.`,
  x402_timeout: ({ observed, limit }) =>
    `The seller asks for an authorization valid for ${plain(observed)} seconds; at most ${plain(limit)} seconds are accepted.`,
  // earned_money
  earned_money: ({ observed, limit }) =>
    `The payment of ${usdc(observed)} is over the ${usdc(limit)} that the agent may spend; the rest of its balance is earned money, kept for refunds and splits.`,
  // top_up_terms, refund_terms
  top_up_cap: ({ observed, limit }) => `The top-up of ${usdc(observed)} is over the cap of ${usdc(limit)}.`,
  refund_unlinked: () => 'The refund does not name the payment to refund.',
  refund_review: ({ observed, limit }) =>
    `Refunds of ${usdc(limit)} or more need approval; this one is ${usdc(observed)}.`,
} as const satisfies Record<string, Sentence>;

export type ReasonCode = keyof typeof reasonCatalogue;

/** The sentence for a code; for a code of an operator's own control, a plain one with its values. */
export function sentence(code: string, figures: Figures = {}): string {
  const known: Sentence | undefined = Object.hasOwn(reasonCatalogue, code)
    ? reasonCatalogue[code as ReasonCode]
    : undefined;
  if (known) return known(figures);
  const { observed, limit } = figures;
  const parts = [
    ...(observed === undefined ? [] : [`observed ${plain(observed)}`]),
    ...(limit === undefined ? [] : [`limit ${plain(limit)}`]),
  ];
  return `The policy answered ${code}${parts.length > 0 ? ` (${parts.join(', ')})` : ''}.`;
}
