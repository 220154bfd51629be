/**
 * Every error code a caller can meet: its HTTP status, whether the same request may be sent again, and what to do.
 * `docs/errors.md` is generated from this table; a code is never renamed once released.
 */
export type Retry = 'never' | 'after_change' | 'safe';

export type CatalogueEntry = { status: number; retry: Retry; title: string; action: string };

const entry = (status: number, retry: Retry, title: string, action: string): CatalogueEntry => ({
  status,
  retry,
  title,
  action,
});

export const catalogue = {
  // Requests
  invalid_request: entry(
    400,
    'after_change',
    'The request is not valid.',
    'Correct what is named here and send it again.',
  ),
  invalid_amount: entry(
    400,
    'after_change',
    'The amount is not valid.',
    'Send a decimal string above zero with at most 6 decimals, up to 9007199254.740991 USDC.',
  ),
  invalid_address: entry(
    400,
    'after_change',
    'The address is not valid.',
    'Send a 20-byte hex address with a correct EIP-55 checksum, or all lower case.',
  ),
  forbidden_address: entry(
    400,
    'after_change',
    'Money may not be sent to that address.',
    'Use an address that is not zero, the token, or the paying wallet itself.',
  ),
  invalid_json: entry(
    400,
    'after_change',
    'The body is not valid JSON.',
    'Send one JSON object with content-type application/json.',
  ),
  body_too_large: entry(413, 'after_change', 'The body is larger than 64 KiB.', 'Send a smaller body.'),
  not_found: entry(
    404,
    'after_change',
    'There is nothing with that id.',
    'Check the id, and that your key may read it.',
  ),
  method_not_allowed: entry(405, 'after_change', 'The method is not allowed here.', 'See /openapi.json.'),
  conflict: entry(
    409,
    'after_change',
    'It exists already, or its state does not allow this.',
    'Read it again and decide anew.',
  ),
  confusable_name: entry(
    409,
    'after_change',
    'The name looks like one that exists.',
    'Choose another name; or compare the two and send confirm_confusable: true (--confirm-confusable).',
  ),
  idempotency_key_required: entry(
    400,
    'after_change',
    'A request that moves money needs an Idempotency-Key header.',
    'Send a key of 8 to 200 printable characters; keep it for retries.',
  ),
  idempotency_conflict: entry(
    409,
    'never',
    'This Idempotency-Key was used with another body.',
    'Use a new key for a new payment, or the first body for a retry.',
  ),
  too_many_requests: entry(429, 'safe', 'Too many requests.', 'Wait for the seconds in Retry-After.'),
  too_many_streams: entry(
    429,
    'safe',
    'Too many event streams are open.',
    'Close one, or share one stream among the readers; then open it again.',
  ),
  queue_full: entry(
    503,
    'safe',
    'Too many requests are waiting for a decision.',
    'Send the same request again with the same Idempotency-Key in a moment.',
  ),
  // Credentials
  unauthenticated: entry(
    401,
    'after_change',
    'The API key is missing, unknown, expired or revoked.',
    'Send `Authorization: Bearer <key>` with a valid key; the command takes it from --key, BURSAR_API_KEY or the home.',
  ),
  forbidden: entry(
    403,
    'never',
    'This key may not do that.',
    'Ask an operator; agents cannot change payees, limits or policies.',
  ),
  sign_in_refused: entry(
    401,
    'after_change',
    'The sign-in is not valid.',
    'Start the sign-in again, with the wallet of an active approver or with the identity provider.',
  ),
  person_unknown: entry(
    403,
    'after_change',
    'The identity provider knows this person, Bursar does not.',
    'Ask an operator to map one of your groups in `oidc.roles`, or to put your e-mail address on an approver.',
  ),
  person_blocked: entry(403, 'never', 'An operator keeps this person out.', 'Ask an operator.'),
  email_unverified: entry(
    403,
    'after_change',
    'The identity provider has not verified an e-mail address of this person.',
    'Verify it there, then sign in again.',
  ),
  identity_provider_unavailable: entry(
    503,
    'safe',
    'The identity provider does not answer.',
    'Try again in a moment, or sign in with a wallet.',
  ),
  identity_provider_invalid: entry(
    502,
    'after_change',
    'The identity provider is not what the configuration says.',
    'Ask an operator to compare `oidc` in config.json with what the provider publishes.',
  ),
  csrf_required: entry(
    403,
    'after_change',
    'A request with a session cookie needs its X-Bursar-CSRF header.',
    'Send the value that /auth/me gives. Scripts use an API key instead.',
  ),
  // Identity
  agent_not_found: entry(404, 'after_change', 'There is no such agent.', 'Check the id or name of the agent.'),
  agent_not_active: entry(409, 'after_change', 'The agent is frozen or revoked.', 'Ask an operator.'),
  payee_not_found: entry(
    404,
    'after_change',
    'There is no such payee.',
    'Check the id or the whole name of the payee, or ask an operator to add it.',
  ),
  payee_address_missing: entry(409, 'after_change', 'The payee has no address.', 'Ask an operator to add one.'),
  workflow_not_found: entry(404, 'after_change', 'There is no such workflow.', 'Check the workflow id or name.'),
  sponsor_not_found: entry(404, 'after_change', 'There is no such sponsor.', 'Check the id or name of the sponsor.'),
  notice_endpoint_not_found: entry(404, 'after_change', 'There is no such endpoint.', 'Check the endpoint id.'),
  mandate_not_found: entry(404, 'after_change', 'There is no such mandate.', 'Check the mandate id.'),
  schedule_not_found: entry(404, 'after_change', 'There is no such schedule.', 'Check the schedule id.'),
  person_not_found: entry(404, 'after_change', 'There is no such person.', 'Check the person id.'),
  payment_not_found: entry(404, 'after_change', 'There is no such payment.', 'Check the payment id.'),
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
    'That policy decides already.',
    'Name a candidate: a loaded policy that is not the active one.',
  ),
  shadow_meters_differ: entry(
    409,
    'after_change',
    'The candidate counts by meters that the active policy does not keep.',
    'Give the candidate the meters of the active policy; `details` names those that differ.',
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
    'The Rego compiler (opa) is not at hand.',
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
  review_expired: entry(409, 'never', 'The review has expired.', 'Ask for the payment again.'),
  refund_exceeds_original: entry(409, 'never', 'Refunds may not exceed the original payment in sum.', 'Refund less.'),
  receivable_not_found: entry(404, 'after_change', 'There is no such receivable.', 'Check the receivable id.'),
  receivable_not_final: entry(
    409,
    'safe',
    'The money came in a block that is not final yet.',
    'Send the same request again in a moment: what a reorg may still take away is not given back.',
  ),
  refund_not_possible: entry(
    409,
    'never',
    'Bursar cannot ask that seller for a refund.',
    'The seller is no agent of this Bursar, and x402 exact has no refund on the wire: ask the seller.',
  ),
  invoice_not_found: entry(404, 'after_change', 'There is no such invoice.', 'Check the invoice id.'),
  invoice_closed: entry(
    410,
    'never',
    'The invoice is paid, cancelled or has expired.',
    'Ask the payee for a new one; money that comes anyway is kept and shown.',
  ),
  claim_invalid: entry(
    422,
    'after_change',
    'The claim does not hold.',
    'Sign the text that the invoice names with the paying address, and name the transaction that paid.',
  ),
  payout_invalid: entry(
    422,
    'after_change',
    'Some lines of the payout are not valid, so none of it was stored.',
    'Correct the lines named in `details.errors` and send the whole again.',
  ),
  payout_not_found: entry(404, 'after_change', 'There is no such payout.', 'Check the payout id.'),
  // Wallet, chain
  chain_unavailable: entry(
    503,
    'safe',
    'The chain RPC does not answer.',
    'Nothing was lost: queued payments go out when it returns.',
  ),
  chain_mismatch: entry(
    500,
    'after_change',
    'The RPC serves another chain.',
    'Set the RPC of the configured chain id.',
  ),
  chain_inconsistent: entry(
    503,
    'safe',
    'The RPC contradicts what is known of the chain.',
    'Check the RPC; payments wait until it agrees. Where a final block is gone for good: `bursar recover`.',
  ),
  chain_not_supported: entry(
    500,
    'after_change',
    'USDC on this chain cannot be followed by its logs.',
    'Configure another chain; see docs/real-chain.md.',
  ),
  insufficient_gas: entry(
    503,
    'after_change',
    'The relayer has too little gas.',
    'Fund the relayer address with the native coin.',
  ),
  keystore_locked: entry(500, 'after_change', 'The keystore cannot be opened.', 'Give the right passphrase.'),
  transfer_reverted: entry(
    409,
    'after_change',
    'The wallet contract refused the payment.',
    'See `details`; the hold is released when the chain says so.',
  ),
  // x402
  x402_no_acceptable_offer: entry(
    422,
    'after_change',
    'None of the offers of the 402 can be paid.',
    'See `details` for a reason per offer.',
  ),
  x402_invalid: entry(
    422,
    'after_change',
    'The 402 response is not a valid x402 v2 PaymentRequired.',
    'Pass the PAYMENT-REQUIRED header as received.',
  ),
  x402_offer_changed: entry(
    409,
    'after_change',
    'The seller no longer offers what was decided.',
    'Ask again with a new Idempotency-Key: the new offer gets a decision of its own.',
  ),
  fetch_refused: entry(
    403,
    'after_change',
    'Bursar does not fetch from there.',
    'Use a public host, or ask an operator to list this one with `set_fetch_hosts`.',
  ),
  fetch_failed: entry(
    502,
    'safe',
    'The other side gave no usable answer.',
    'Nothing was paid for this request. Send it again later.',
  ),
  // The CLI's own
  server_unreachable: entry(
    503,
    'safe',
    'The Bursar server does not answer.',
    'Start it with `bursar serve`, or say where it is with --url or BURSAR_URL.',
  ),
  port_taken: entry(409, 'after_change', 'The port is taken.', 'Give another one with --port, or stop what has it.'),
  signing_refused: entry(
    409,
    'never',
    'What the server asks to sign is not the payment that it shows.',
    'Sign nothing; look at the server and at what stands between you and it.',
  ),
  // Storage and our own faults
  storage_full: entry(
    507,
    'safe',
    'The disk is full, so nothing was decided.',
    'Free space and send the same request again.',
  ),
  storage_read_only: entry(
    503,
    'safe',
    'The database cannot be written, so nothing was decided.',
    'Make the data folder writable and send the same request again.',
  ),
  storage_in_use: entry(
    503,
    'after_change',
    'Another process has this database open.',
    'Stop the other Bursar, or give this one a data folder of its own.',
  ),
  database_damaged: entry(
    503,
    'never',
    'The database file is damaged.',
    'Keep a copy of the data directory, then restore the newest backup with `bursar restore --replace`.',
  ),
  database_truncated: entry(
    503,
    'never',
    'The database has lost events that were on disk.',
    'Keep a copy of the data directory. Restore a newer backup; or, to go on from what is left, make a backup of it (`bursar backup`) and restore that one: agents are frozen then, and the chain is read again.',
  ),
  database_rewritten: entry(
    503,
    'never',
    'The database holds another history than the one that was written.',
    'Find out who changed it. To serve a copy on purpose, restore it with `bursar restore --replace`.',
  ),
  storage_failed: entry(
    503,
    'safe',
    'The database failed, so nothing was decided.',
    'See the server log; send the same request again.',
  ),
  log_inconsistent: entry(
    500,
    'never',
    'The event log contradicts a head of it that was signed before.',
    'Run `bursar ledger check --anchors`: events are missing, or were changed. Nothing is signed until they are back.',
  ),
  invariant_violated: entry(
    500,
    'never',
    'Bursar found itself in a state that must not be.',
    'Report it with the event log.',
  ),
  not_configured: entry(500, 'after_change', 'Bursar is not set up for this.', 'Run `bursar init`.'),
  internal: entry(500, 'safe', 'Something failed inside Bursar.', 'See the server log.'),
} as const satisfies Record<string, CatalogueEntry>;

export type ErrorCode = keyof typeof catalogue;
