/** Payments, payouts, approvals, and the history that the next decision reads. */
export const payments = `
-- decision_hash is what reaches the chain: the hash people signed where there was a review, else the allowing decision's.
CREATE TABLE payments (
  id TEXT PRIMARY KEY,
  -- keccak-256 of the id: what the chain names it by.
  chain_key TEXT NOT NULL,
  agent_id TEXT NOT NULL REFERENCES agents (id),
  sponsor_id TEXT NOT NULL,
  workflow_id TEXT,
  workflow_run TEXT,
  payee_id TEXT,
  kind TEXT NOT NULL CHECK (kind IN ('purchase', 'payout', 'transfer', 'refund', 'split', 'recurring', 'top_up')),
  rail TEXT NOT NULL CHECK (rail IN ('wallet', 'x402')),
  chain_id INTEGER NOT NULL,
  address TEXT NOT NULL,
  host TEXT,
  amount_micro INTEGER NOT NULL CHECK (amount_micro > 0 AND amount_micro <= 9007199254740991),
  -- What of the amount stands in this payment's hold account now: all or nothing, save an x402 purchase that waits for its top-up.
  held_micro INTEGER NOT NULL CHECK (held_micro >= 0 AND held_micro <= amount_micro),
  category TEXT,
  memo TEXT,
  refund_of TEXT REFERENCES payments (id),
  -- On a refund: what it gives back. On a split: what it passes on.
  receivable_id TEXT REFERENCES receivables (id),
  -- On a top_up: the x402 purchase that waits for it.
  funds_payment TEXT REFERENCES payments (id),
  batch_id TEXT,
  state TEXT NOT NULL CHECK (state IN ('denied', 'in_review', 'rejected', 'expired', 'authorized', 'submitted', 'settled', 'final', 'failed', 'cancelled')),
  reasons_json TEXT NOT NULL,
  review_json TEXT,
  review_expires_at INTEGER,
  policy_digest TEXT NOT NULL,
  decision_hash TEXT NOT NULL,
  wallet_nonce INTEGER,
  requires_chain_approval INTEGER NOT NULL DEFAULT 0 CHECK (requires_chain_approval IN (0, 1)),
  idempotency_key TEXT NOT NULL,
  body_hash TEXT NOT NULL,
  request_json TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  tx_hash TEXT,
  log_index INTEGER,
  block_number INTEGER,
  block_hash TEXT,
  settled_at INTEGER,
  mandate_id TEXT REFERENCES mandates (id),
  -- The key first: keys are made in order of time, so the index is appended to, whichever agent a key is of.
  UNIQUE (idempotency_key, agent_id)
) STRICT;
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
  id TEXT PRIMARY KEY,
  agent_id TEXT NOT NULL REFERENCES agents (id),
  idempotency_key TEXT NOT NULL,
  -- sha-256 of the canonical lines: the same key with other lines is a conflict.
  content_hash TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('deciding', 'decided', 'stopped')),
  -- Who asked last, a credential or an approver: the lines are decided on their word, as long as they are not revoked.
  asked_by TEXT NOT NULL,
  total INTEGER NOT NULL CHECK (total > 0),
  total_micro INTEGER NOT NULL CHECK (total_micro > 0),
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  UNIQUE (agent_id, idempotency_key)
) STRICT;
CREATE INDEX payouts_working ON payouts (id) WHERE state = 'deciding';
CREATE TABLE payout_lines (
  payout_id TEXT NOT NULL REFERENCES payouts (id),
  line INTEGER NOT NULL,
  line_id TEXT NOT NULL,
  amount_micro INTEGER NOT NULL CHECK (amount_micro > 0 AND amount_micro <= 9007199254740991),
  payee TEXT,
  address TEXT,
  category TEXT,
  memo TEXT,
  workflow TEXT,
  run TEXT,
  attempt INTEGER NOT NULL DEFAULT 1,
  payment_id TEXT REFERENCES payments (id),
  -- What the gate could not even decide on: a payee that lost its address meanwhile.
  refused_code TEXT,
  refused_message TEXT,
  PRIMARY KEY (payout_id, line),
  UNIQUE (payout_id, line_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX payout_lines_open ON payout_lines (payout_id, line) WHERE payment_id IS NULL AND refused_code IS NULL;

CREATE TABLE approvals (
  id TEXT PRIMARY KEY,
  payment_id TEXT NOT NULL REFERENCES payments (id),
  approver_id TEXT NOT NULL REFERENCES approvers (id),
  verdict TEXT NOT NULL CHECK (verdict IN ('approve', 'reject')),
  signature TEXT NOT NULL,
  typed_data_json TEXT NOT NULL,
  expires_at INTEGER NOT NULL,
  signed_at INTEGER NOT NULL,
  -- What a person said besides yes or no, and whether the policy of that moment counted the signature.
  reason TEXT,
  counts INTEGER NOT NULL DEFAULT 1 CHECK (counts IN (0, 1)),
  UNIQUE (payment_id, approver_id)
) STRICT;

-- What an agent's settled payments to a payee ('pye_…'), an address ('0x…') or a host ('host:…') were: for decisions.
CREATE TABLE payment_history (
  agent_id TEXT NOT NULL,
  subject TEXT NOT NULL,
  last_address TEXT NOT NULL,
  last_amount_micro INTEGER NOT NULL,
  max_amount_micro INTEGER NOT NULL,
  last_at INTEGER NOT NULL,
  settled_count INTEGER NOT NULL,
  PRIMARY KEY (agent_id, subject)
) STRICT, WITHOUT ROWID;
`;
