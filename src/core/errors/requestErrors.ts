import { type CatalogueEntry, entry } from './entry.ts';

/** Codes of requests, credentials and identity. See `catalogue.ts`. */
export const requestErrors = {
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
    'Read it again and decide again.',
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
    'Send `Authorization: Bearer <key>` with a valid key; the command takes it from --key, BURSAR_API_KEY or the data directory.',
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
  person_blocked: entry(403, 'never', 'An operator has blocked this person.', 'Ask an operator.'),
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
} as const satisfies Record<string, CatalogueEntry>;
