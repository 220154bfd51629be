/** Incoming money: receivables, sales, invoices, and refund requests. */
export const earning = `
-- One per log that pays an agent; orphaned when its block is gone (a later block has a row of its own).
CREATE TABLE receivables (
  id TEXT PRIMARY KEY,
  agent_id TEXT NOT NULL REFERENCES agents (id),
  -- refund: money that this agent had paid comes back to it; it is not earned.
  kind TEXT NOT NULL CHECK (kind IN ('deposit', 'agent_payment', 'x402_sale', 'invoice', 'refund', 'unmatched')),
  state TEXT NOT NULL CHECK (state IN ('included', 'final', 'orphaned')),
  amount_micro INTEGER NOT NULL CHECK (amount_micro > 0),
  payer_address TEXT NOT NULL,
  payment_id TEXT,
  invoice_id TEXT REFERENCES invoices (id),
  -- How the invoice was found: the announced nonce, a claim of the transaction, or only the amount.
  invoice_by TEXT CHECK (invoice_by IN ('nonce', 'claim', 'amount')),
  -- The expected sale's EIP-3009 nonce, where it was announced.
  sale_nonce TEXT,
  -- When its revenue rule was applied; the legs are payments that name it.
  routed_at INTEGER,
  -- The legs that the rule gave then: a refused one may be asked for again.
  route_json TEXT,
  -- The policy that could not route it: it is tried again with another one.
  route_failed_digest TEXT,
  received_at INTEGER NOT NULL,
  chain_id INTEGER NOT NULL,
  tx_hash TEXT NOT NULL,
  log_index INTEGER NOT NULL,
  block_number INTEGER NOT NULL,
  block_hash TEXT NOT NULL,
  created_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX receivables_by_log ON receivables (chain_id, block_hash, log_index) WHERE state <> 'orphaned';
CREATE INDEX receivables_by_agent ON receivables (agent_id, id);
CREATE INDEX receivables_by_invoice ON receivables (invoice_id) WHERE invoice_id IS NOT NULL;
CREATE INDEX receivables_by_payment ON receivables (payment_id) WHERE payment_id IS NOT NULL;
CREATE INDEX receivables_by_tx ON receivables (tx_hash);
CREATE INDEX receivables_to_route ON receivables (id) WHERE state = 'final' AND routed_at IS NULL AND kind IN ('agent_payment', 'x402_sale', 'invoice');

-- What an agent has earned, and what of it was passed on (refunds, splits; holds included), so that no decision adds up all payments.
CREATE TABLE earnings (
  agent_id TEXT PRIMARY KEY REFERENCES agents (id),
  received_micro INTEGER NOT NULL,
  passed_on_micro INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- An x402 payment to one of our agents that was announced before its settlement was sent: the follower knows it by (payer, nonce).
CREATE TABLE expected_sales (
  chain_id INTEGER NOT NULL,
  payer TEXT NOT NULL,
  nonce TEXT NOT NULL,
  agent_id TEXT NOT NULL REFERENCES agents (id),
  amount_micro INTEGER NOT NULL CHECK (amount_micro > 0),
  resource TEXT NOT NULL,
  invoice_id TEXT REFERENCES invoices (id),
  valid_before_s INTEGER NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('expected', 'paid', 'closed')),
  created_at INTEGER NOT NULL,
  PRIMARY KEY (chain_id, payer, nonce)
) STRICT, WITHOUT ROWID;
CREATE INDEX expected_sales_open ON expected_sales (chain_id, payer) WHERE state <> 'closed';

-- received_micro: what has come for it, less what a reorg took away. Its state follows from that and from the time.
CREATE TABLE invoices (
  id TEXT PRIMARY KEY,
  agent_id TEXT NOT NULL REFERENCES agents (id),
  address TEXT NOT NULL,
  amount_micro INTEGER NOT NULL CHECK (amount_micro > 0 AND amount_micro <= 9007199254740991),
  max_uses INTEGER NOT NULL CHECK (max_uses >= 1),
  received_micro INTEGER NOT NULL DEFAULT 0,
  memo TEXT NOT NULL,
  expires_at INTEGER,
  cancelled_at INTEGER,
  idempotency_key TEXT NOT NULL,
  body_hash TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  UNIQUE (agent_id, idempotency_key)
) STRICT;
CREATE INDEX invoices_by_agent ON invoices (agent_id, id);
-- A transfer is looked for among the invoices that still ask for something, however many were paid before.
CREATE INDEX invoices_due ON invoices (address, id) WHERE cancelled_at IS NULL AND received_micro < amount_micro * max_uses;

-- "That transaction pays this invoice", said by the payer (who signed it; payer is the address) or by the earner's side (payer '').
CREATE TABLE invoice_claims (
  tx_hash TEXT NOT NULL,
  payer TEXT NOT NULL,
  invoice_id TEXT NOT NULL REFERENCES invoices (id),
  claimed_by TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (tx_hash, payer, invoice_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX invoice_claims_by_invoice ON invoice_claims (invoice_id);

-- A buyer asks its money back; the earner accepts (refund_payment) or declines.
CREATE TABLE refund_requests (
  id TEXT PRIMARY KEY,
  payment_id TEXT NOT NULL REFERENCES payments (id),
  receivable_id TEXT NOT NULL REFERENCES receivables (id),
  amount_micro INTEGER NOT NULL CHECK (amount_micro > 0),
  reason TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('open', 'accepted', 'declined')),
  answer TEXT,
  refund_payment TEXT REFERENCES payments (id),
  created_at INTEGER NOT NULL,
  answered_at INTEGER
) STRICT;
CREATE INDEX refund_requests_by_receivable ON refund_requests (receivable_id);
CREATE UNIQUE INDEX refund_requests_open ON refund_requests (payment_id) WHERE state = 'open';
`;
