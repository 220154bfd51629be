/** Payments, payouts, approvals, and the history that the next decision reads. */
export const payments = `
-- decision_hash is what reaches the chain: the hash people signed where there was a review, else the allowing decision's.
CREATE TABLE payments (
  id text COLLATE "C" PRIMARY KEY,
  -- keccak-256 of the id: what the chain names it by.
  chain_key text COLLATE "C" NOT NULL,
  agent_id text COLLATE "C" NOT NULL REFERENCES agents (id),
  sponsor_id text COLLATE "C" NOT NULL,
  workflow_id text COLLATE "C",
  workflow_run text COLLATE "C",
  payee_id text COLLATE "C",
  kind text COLLATE "C" NOT NULL CHECK (kind IN ('purchase', 'payout', 'transfer', 'refund', 'split', 'recurring', 'top_up')),
  rail text COLLATE "C" NOT NULL CHECK (rail IN ('wallet', 'x402')),
  chain_id bigint NOT NULL,
  address text COLLATE "C" NOT NULL,
  host text COLLATE "C",
  amount_micro bigint NOT NULL CHECK (amount_micro > 0 AND amount_micro <= 9007199254740991),
  -- What of the amount stands in this payment's hold account now: all or nothing, save an x402 purchase that waits for its top-up.
  held_micro bigint NOT NULL CHECK (held_micro >= 0 AND held_micro <= amount_micro),
  category text COLLATE "C",
  memo text COLLATE "C",
  refund_of text COLLATE "C" REFERENCES payments (id),
  -- On a refund: what it gives back. On a split: what it passes on.
  receivable_id text COLLATE "C",
  -- On a top_up: the x402 purchase that waits for it.
  funds_payment text COLLATE "C" REFERENCES payments (id),
  batch_id text COLLATE "C",
  state text COLLATE "C" NOT NULL CHECK (state IN ('denied', 'in_review', 'rejected', 'expired', 'authorized', 'submitted', 'settled', 'final', 'failed', 'cancelled')),
  reasons_json text COLLATE "C" NOT NULL,
  review_json text COLLATE "C",
  review_expires_at bigint,
  policy_digest text COLLATE "C" NOT NULL,
  decision_hash text COLLATE "C" NOT NULL,
  wallet_nonce bigint,
  requires_chain_approval bigint NOT NULL DEFAULT 0 CHECK (requires_chain_approval IN (0, 1)),
  idempotency_key text COLLATE "C" NOT NULL,
  body_hash text COLLATE "C" NOT NULL,
  request_json text COLLATE "C" NOT NULL,
  created_at bigint NOT NULL,
  updated_at bigint NOT NULL,
  tx_hash text COLLATE "C",
  log_index bigint,
  block_number bigint,
  block_hash text COLLATE "C",
  settled_at bigint,
  mandate_id text COLLATE "C" REFERENCES mandates (id),
  -- The key first: keys are made in order of time, so the index is appended to, whichever agent a key is of.
  UNIQUE (idempotency_key, agent_id)
);
ALTER TABLE decisions ADD FOREIGN KEY (payment_id) REFERENCES payments (id);
ALTER TABLE policy_differences ADD FOREIGN KEY (payment_id) REFERENCES payments (id);
ALTER TABLE occurrences ADD FOREIGN KEY (payment_id) REFERENCES payments (id);
CREATE INDEX payments_working ON payments (state, id) WHERE state IN ('in_review', 'authorized', 'submitted', 'settled');
-- Random by nature, so only for as long as a log of the chain may be expected to name the payment.
CREATE INDEX payments_by_chain_key ON payments (chain_key) WHERE state IN ('in_review', 'authorized', 'submitted', 'settled');
CREATE INDEX payments_by_batch ON payments (batch_id, id) WHERE batch_id IS NOT NULL;
CREATE INDEX payments_by_refund ON payments (refund_of) WHERE refund_of IS NOT NULL;
CREATE INDEX payments_by_receivable ON payments (receivable_id) WHERE receivable_id IS NOT NULL;
CREATE INDEX payments_by_tx ON payments (tx_hash) WHERE tx_hash IS NOT NULL;
CREATE INDEX payments_by_funded ON payments (funds_payment) WHERE funds_payment IS NOT NULL;
CREATE INDEX payments_by_payee ON payments (payee_id, id);
CREATE INDEX payments_by_agent ON payments (agent_id, id);
CREATE INDEX payments_by_mandate ON payments (mandate_id, id) WHERE mandate_id IS NOT NULL;

-- Many payouts in one file. A line has one payment at a time; its attempt goes up only after one that moved nothing.
CREATE TABLE payouts (
  -- Its payments carry it as batch_id.
  id text COLLATE "C" PRIMARY KEY,
  agent_id text COLLATE "C" NOT NULL REFERENCES agents (id),
  idempotency_key text COLLATE "C" NOT NULL,
  -- sha-256 of the canonical lines: the same key with other lines is a conflict.
  content_hash text COLLATE "C" NOT NULL,
  state text COLLATE "C" NOT NULL CHECK (state IN ('deciding', 'decided', 'stopped')),
  -- Who asked last, a credential or an approver: the lines are decided on their word, as long as they are not revoked.
  asked_by text COLLATE "C" NOT NULL,
  total bigint NOT NULL CHECK (total > 0),
  total_micro bigint NOT NULL CHECK (total_micro > 0),
  created_at bigint NOT NULL,
  updated_at bigint NOT NULL,
  UNIQUE (agent_id, idempotency_key)
);
CREATE INDEX payouts_working ON payouts (id) WHERE state = 'deciding';
CREATE TABLE payout_lines (
  payout_id text COLLATE "C" NOT NULL REFERENCES payouts (id),
  line bigint NOT NULL,
  line_id text COLLATE "C" NOT NULL,
  amount_micro bigint NOT NULL CHECK (amount_micro > 0 AND amount_micro <= 9007199254740991),
  payee text COLLATE "C",
  address text COLLATE "C",
  category text COLLATE "C",
  memo text COLLATE "C",
  workflow text COLLATE "C",
  run text COLLATE "C",
  attempt bigint NOT NULL DEFAULT 1,
  payment_id text COLLATE "C" REFERENCES payments (id),
  -- What the gate could not even decide on: a payee that lost its address meanwhile.
  refused_code text COLLATE "C",
  refused_message text COLLATE "C",
  PRIMARY KEY (payout_id, line),
  UNIQUE (payout_id, line_id)
);
CREATE INDEX payout_lines_open ON payout_lines (payout_id, line) WHERE payment_id IS NULL AND refused_code IS NULL;

CREATE TABLE approvals (
  id text COLLATE "C" PRIMARY KEY,
  payment_id text COLLATE "C" NOT NULL REFERENCES payments (id),
  approver_id text COLLATE "C" NOT NULL REFERENCES approvers (id),
  verdict text COLLATE "C" NOT NULL CHECK (verdict IN ('approve', 'reject')),
  signature text COLLATE "C" NOT NULL,
  typed_data_json text COLLATE "C" NOT NULL,
  expires_at bigint NOT NULL,
  signed_at bigint NOT NULL,
  -- What a person said besides yes or no, and whether the policy of that moment counted the signature.
  reason text COLLATE "C",
  counts bigint NOT NULL DEFAULT 1 CHECK (counts IN (0, 1)),
  UNIQUE (payment_id, approver_id)
);

-- What an agent's settled payments to a payee ('pye_…'), an address ('0x…') or a host ('host:…') were: for decisions.
CREATE TABLE payment_history (
  agent_id text COLLATE "C" NOT NULL,
  subject text COLLATE "C" NOT NULL,
  last_address text COLLATE "C" NOT NULL,
  last_amount_micro bigint NOT NULL,
  max_amount_micro bigint NOT NULL,
  last_at bigint NOT NULL,
  settled_count bigint NOT NULL,
  PRIMARY KEY (agent_id, subject)
);
`;
