import { type CatalogueEntry, entry } from './entry.ts';

/** Codes of policies and payments. See `catalogue.ts`. */
export const paymentErrors = {
  // Policy
  policy_compile_failed: entry(
    422,
    'after_change',
    'The policy does not compile.',
    'Correct the Rego named in `details`.',
  ),
  policy_invalid: entry(
    422,
    'after_change',
    'The bundle has no usable decision or meters.',
    'Provide data.bursar.decision and data.bursar.meters.',
  ),
  policy_corrupt: entry(422, 'never', 'The bundle does not match its digest.', 'Compile or fetch it again.'),
  policy_too_slow: entry(
    422,
    'after_change',
    'The policy does not answer in time.',
    'Make it cheaper; it is evaluated for each payment.',
  ),
  policy_not_found: entry(
    404,
    'after_change',
    'There is no policy with that digest.',
    'List policies, or compile and load it first.',
  ),
  policy_already_active: entry(
    409,
    'after_change',
    'That policy is active already.',
    'Name a candidate: a loaded policy that is not the active one.',
  ),
  policy_unavailable: entry(
    503,
    'safe',
    'No policy is active, so nothing is allowed.',
    'Ask an operator to activate one.',
  ),
  opa_missing: entry(
    500,
    'after_change',
    'The Rego compiler (opa) is not available.',
    'Install opa 1.22.2, or Go 1.26 or later, and try again.',
  ),
  // Payments
  insufficient_funds: entry(
    409,
    'after_change',
    'The agent has too little USDC available.',
    'Fund the wallet, or pay less.',
  ),
  invalid_transition: entry(409, 'never', 'The payment is not in a state that allows this.', 'Read the payment again.'),
  approval_invalid: entry(
    422,
    'never',
    'The approval is not valid for this payment.',
    'Sign the typed data that the payment shows, with a listed approver, before it expires.',
  ),
  approver_not_found: entry(
    404,
    'after_change',
    'That address is no approver.',
    'Ask an operator to add the approver.',
  ),
  review_expired: entry(409, 'never', 'The review has expired.', 'Request the payment again.'),
  refund_exceeds_original: entry(409, 'never', 'Refunds may not exceed the original payment in sum.', 'Refund less.'),
  receivable_not_found: entry(404, 'after_change', 'There is no such receivable.', 'Check the receivable id.'),
  receivable_not_final: entry(
    409,
    'safe',
    'The money arrived in a block that is not final yet.',
    'Send the same request again in a moment: money that a reorg may still undo is not refunded.',
  ),
  refund_not_possible: entry(
    409,
    'never',
    'Bursar cannot ask that seller for a refund.',
    'The seller is no agent of this Bursar, and x402 `exact` has no refunds: ask the seller.',
  ),
  invoice_not_found: entry(404, 'after_change', 'There is no such invoice.', 'Check the invoice id.'),
  invoice_closed: entry(
    410,
    'never',
    'The invoice is paid, cancelled or has expired.',
    'Ask the payee for a new one; money that arrives nevertheless is kept and shown.',
  ),
  claim_invalid: entry(
    422,
    'after_change',
    'The claim is not valid.',
    'Sign the text that the invoice names with the paying address, and name the transaction that paid.',
  ),
  payout_invalid: entry(
    422,
    'after_change',
    'Some lines of the payout are not valid, so none of it was stored.',
    'Correct the lines named in `details.errors` and send the whole file again.',
  ),
  payout_not_found: entry(404, 'after_change', 'There is no such payout.', 'Check the payout id.'),
} as const satisfies Record<string, CatalogueEntry>;
