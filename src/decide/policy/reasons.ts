import { formatUsdc } from '../../core/money/microUsdc.ts';

type Figure = string | number | boolean | null;
type Figures = { observed?: Figure; limit?: Figure };
type Sentence = (figures: Figures) => string;

const usdc = (value: Figure | undefined): string =>
  typeof value === 'number' && Number.isSafeInteger(value) ? `${formatUsdc(BigInt(value))} USDC` : 'an unknown amount';
const plain = (value: Figure | undefined): string =>
  value === undefined || value === null || value === '' ? 'none' : String(value);

/**
 * One catalogue: code -> sentence. Rego returns codes and figures only. A code is never renamed once released; amounts
 * arrive as micro-USDC, everything else as it is.
 */
export const reasonCatalogue = {
  // The composition
  all_passed: () => 'Every control that this payment must pass has passed.',
  approved: ({ observed, limit }) =>
    `Every control has passed or was approved (${plain(observed)} of ${plain(limit)} approvals).`,
  mandated: ({ observed }) => `Every control has passed or is covered by the mandate ${plain(observed)}.`,
  control_undefined: ({ observed }) =>
    `The control ${plain(observed)} gave no answer: a field of the input or of the policy data is missing, or there is no such control.`,
  nothing_required: ({ observed }) =>
    `The policy names no controls for payments of kind ${plain(observed)}, so nothing of that kind is allowed.`,
  input_incomplete: () => 'The policy could not be applied: its input or its data is incomplete.',
  // The policy as a whole
  policy_error: () => 'The policy failed while it was evaluated, so nothing is allowed.',
  policy_undefined: () => 'The policy gave no decision, so nothing is allowed.',
  policy_malformed: () => 'The policy gave something that is not a decision, so nothing is allowed.',
  policy_timeout: () => 'The policy took too long to answer, so nothing is allowed.',
  // agent_active
  agent_not_active: ({ observed }) => `The agent is ${plain(observed)}.`,
  sponsor_not_active: ({ observed }) => `The agent's sponsor is ${plain(observed)}.`,
  workflow_not_active: ({ observed }) => `The workflow is ${plain(observed)}.`,
  // payee_allowed
  payee_not_allowed: ({ observed }) =>
    `The payee ${plain(observed)} is not on the list of those that this agent may pay.`,
  payee_blocked: ({ observed }) => `The payee ${plain(observed)} is blocked.`,
  // payment_cap
  payment_cap: ({ observed, limit }) =>
    `The amount of ${usdc(observed)} is over the cap of ${usdc(limit)} for one payment.`,
  // category_limit
  category_not_allowed: ({ observed }) => `Nothing may be spent on the category ${plain(observed)}.`,
  category_not_of_payee: ({ observed }) => `The category ${plain(observed)} is none of the payee's.`,
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
  outside_working_hours: ({ observed, limit }) => `It is ${plain(observed)}; payments go out ${plain(limit)}.`,
  // large_amount
  large_amount: ({ observed, limit }) =>
    `The amount of ${usdc(observed)} needs approval: people decide from ${usdc(limit)} on.`,
  // new_payee
  new_payee: ({ observed }) =>
    `This agent has never paid ${plain(observed)}, and nobody has verified the payee's address: people decide.`,
  // changed_address
  address_retired: ({ observed }) => `The address ${plain(observed)} is no longer in use by the payee.`,
  address_unknown: ({ observed }) => `The address ${plain(observed)} is not known to be the payee's: people decide.`,
  address_changed: ({ observed }) =>
    `The payee's address was changed to ${plain(observed)} and the change has not been verified long enough: people decide.`,
  address_shared: ({ observed }) => `The address belongs to ${plain(observed)} payees: people decide.`,
  host_not_known: ({ observed, limit }) =>
    `The host ${plain(observed)} asks for payment to ${plain(limit)}, and is not registered as that payee's: people decide. An operator who has checked it registers it: bursar payee update "${plain(limit)}" --hosts ${plain(observed)} (with all its other hosts).`,
  host_address_changed: ({ observed, limit }) =>
    `The seller now asks for payment to ${plain(observed)}; before, it was ${plain(limit)}: people decide.`,
  // one_time_recurring
  recurring_mismatch: ({ observed }) =>
    `Recurring payments are of kind recurring and only those; this one is of kind ${plain(observed)}.`,
  recurring_not_allowed: ({ observed }) => `Recurring payments to ${plain(observed)} are not allowed.`,
  recurring_cap: ({ observed, limit }) =>
    `The amount of ${usdc(observed)} is over the cap of ${usdc(limit)} for one recurring payment.`,
  recurring_monthly: ({ observed, limit }) =>
    `With this payment the agent's recurring spending this month would be ${usdc(observed)}, over the limit of ${usdc(limit)}.`,
  // recurring_change
  recurring_price_rise: ({ observed, limit }) =>
    `The recurring payment rose to ${usdc(observed)}; the last one was ${usdc(limit)}: people decide.`,
  recurring_idle: ({ observed, limit }) =>
    `This payee was last paid ${plain(observed)} days ago, more than ${plain(limit)}: people decide.`,
  // x402_terms
  x402_asset: ({ observed }) => `The asset ${plain(observed)} is not accepted.`,
  x402_scheme: ({ observed }) => `The x402 scheme ${plain(observed)} is not accepted.`,
  x402_network: ({ observed }) => `The network ${plain(observed)} is not accepted for x402.`,
  x402_payment_flow: ({ observed }) => `The x402 payment flow ${plain(observed)} is not accepted.`,
  x402_timeout: ({ observed, limit }) =>
    `The seller asks for an authorization of ${plain(observed)} s; at most ${plain(limit)} s are accepted.`,
  // earned_money
  earned_money: ({ observed, limit }) =>
    `Of the agent's money ${usdc(limit)} may be spent, and this is ${usdc(observed)}: the rest is earned, and stays for refunds and splits.`,
  // top_up_terms, refund_terms
  top_up_cap: ({ observed, limit }) => `The top-up of ${usdc(observed)} is over the cap of ${usdc(limit)}.`,
  refund_unlinked: () => 'The refund names no payment that it gives back.',
  refund_review: ({ observed, limit }) =>
    `The refund of ${usdc(observed)} needs approval: people decide from ${usdc(limit)} on.`,
} as const satisfies Record<string, Sentence>;

export type ReasonCode = keyof typeof reasonCatalogue;

/** The sentence for a code; for a code of an operator's own control, a plain one with its figures. */
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
