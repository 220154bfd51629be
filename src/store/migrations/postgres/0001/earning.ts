/** Incoming money: receivables, sales, invoices, and refund requests. */
export const earning = `
-- One per log that pays an agent; orphaned when its block is gone (a later block has a row of its own).
CREATE TABLE receivables (
  id text COLLATE "C" PRIMARY KEY,
  agent_id text COLLATE "C" NOT NULL REFERENCES agents (id),
  -- refund: money that this agent had paid comes back to it; it is not earned.
  kind text COLLATE "C" NOT NULL CHECK (kind IN ('deposit', 'agent_payment', 'x402_sale', 'invoice', 'refund', 'unmatched')),
  state text COLLATE "C" NOT NULL CHECK (state IN ('included', 'final', 'orphaned')),
  amount_micro bigint NOT NULL CHECK (amount_micro > 0),
  payer_address text COLLATE "C" NOT NULL,
  payment_id text COLLATE "C",
  invoice_id text COLLATE "C",
  -- How the invoice was found: the announced nonce, a claim of the transaction, or only the amount.
  invoice_by text COLLATE "C" CHECK (invoice_by IN ('nonce', 'claim', 'amount')),
  -- The expected sale's EIP-3009 nonce, where it was announced.
  sale_nonce text COLLATE "C",
  -- When its revenue rule was applied; the legs are payments that name it.
  routed_at bigint,
  -- The legs that the rule gave then: a refused one may be asked for again.
  route_json text COLLATE "C",
  -- The policy that could not route it: it is tried again with another one.
  route_failed_digest text COLLATE "C",
  received_at bigint NOT NULL,
  chain_id bigint NOT NULL,
  tx_hash text COLLATE "C" NOT NULL,
  log_index bigint NOT NULL,
  block_number bigint NOT NULL,
  block_hash text COLLATE "C" NOT NULL,
  created_at bigint NOT NULL
);
ALTER TABLE payments ADD FOREIGN KEY (receivable_id) REFERENCES receivables (id);
CREATE UNIQUE INDEX receivables_by_log ON receivables (chain_id, block_hash, log_index) WHERE state <> 'orphaned';
CREATE INDEX receivables_by_agent ON receivables (agent_id, id);
CREATE INDEX receivables_by_invoice ON receivables (invoice_id) WHERE invoice_id IS NOT NULL;
CREATE INDEX receivables_by_payment ON receivables (payment_id) WHERE payment_id IS NOT NULL;
CREATE INDEX receivables_by_tx ON receivables (tx_hash);
CREATE INDEX receivables_to_route ON receivables (id) WHERE state = 'final' AND routed_at IS NULL AND kind IN ('agent_payment', 'x402_sale', 'invoice');

-- What an agent has earned, and what of it was passed on (refunds, splits; holds included), so that no decision adds up all payments.
CREATE TABLE earnings (
  agent_id text COLLATE "C" PRIMARY KEY REFERENCES agents (id),
  received_micro bigint NOT NULL,
  passed_on_micro bigint NOT NULL
);

-- An x402 payment to one of our agents that was announced before its settlement was sent: the follower knows it by (payer, nonce).
CREATE TABLE expected_sales (
  chain_id bigint NOT NULL,
  payer text COLLATE "C" NOT NULL,
  nonce text COLLATE "C" NOT NULL,
  agent_id text COLLATE "C" NOT NULL REFERENCES agents (id),
  amount_micro bigint NOT NULL CHECK (amount_micro > 0),
  resource text COLLATE "C" NOT NULL,
  invoice_id text COLLATE "C",
  valid_before_s bigint NOT NULL,
  state text COLLATE "C" NOT NULL CHECK (state IN ('expected', 'paid', 'closed')),
  created_at bigint NOT NULL,
  PRIMARY KEY (chain_id, payer, nonce)
);
CREATE INDEX expected_sales_open ON expected_sales (chain_id, payer) WHERE state <> 'closed';

-- received_micro: what has come for it, less what a reorg took away. Its state follows from that and from the time.
CREATE TABLE invoices (
  id text COLLATE "C" PRIMARY KEY,
  agent_id text COLLATE "C" NOT NULL REFERENCES agents (id),
  address text COLLATE "C" NOT NULL,
  amount_micro bigint NOT NULL CHECK (amount_micro > 0 AND amount_micro <= 9007199254740991),
  max_uses bigint NOT NULL CHECK (max_uses >= 1),
  received_micro bigint NOT NULL DEFAULT 0,
  memo text COLLATE "C" NOT NULL,
  expires_at bigint,
  cancelled_at bigint,
  idempotency_key text COLLATE "C" NOT NULL,
  body_hash text COLLATE "C" NOT NULL,
  created_at bigint NOT NULL,
  UNIQUE (agent_id, idempotency_key)
);
ALTER TABLE receivables ADD FOREIGN KEY (invoice_id) REFERENCES invoices (id);
ALTER TABLE expected_sales ADD FOREIGN KEY (invoice_id) REFERENCES invoices (id);
CREATE INDEX invoices_by_agent ON invoices (agent_id, id);
-- A transfer is looked for among the invoices that still ask for something, however many were paid before.
CREATE INDEX invoices_due ON invoices (address, id) WHERE cancelled_at IS NULL AND received_micro < amount_micro * max_uses;

-- "That transaction pays this invoice", said by the payer (who signed it; payer is the address) or by the earner's side (payer '').
CREATE TABLE invoice_claims (
  tx_hash text COLLATE "C" NOT NULL,
  payer text COLLATE "C" NOT NULL,
  invoice_id text COLLATE "C" NOT NULL REFERENCES invoices (id),
  claimed_by text COLLATE "C" NOT NULL,
  created_at bigint NOT NULL,
  PRIMARY KEY (tx_hash, payer, invoice_id)
);
CREATE INDEX invoice_claims_by_invoice ON invoice_claims (invoice_id);

-- A buyer asks its money back; the earner accepts (refund_payment) or declines.
CREATE TABLE refund_requests (
  id text COLLATE "C" PRIMARY KEY,
  payment_id text COLLATE "C" NOT NULL REFERENCES payments (id),
  receivable_id text COLLATE "C" NOT NULL REFERENCES receivables (id),
  amount_micro bigint NOT NULL CHECK (amount_micro > 0),
  reason text COLLATE "C" NOT NULL,
  state text COLLATE "C" NOT NULL CHECK (state IN ('open', 'accepted', 'declined')),
  answer text COLLATE "C",
  refund_payment text COLLATE "C" REFERENCES payments (id),
  created_at bigint NOT NULL,
  answered_at bigint
);
CREATE INDEX refund_requests_by_receivable ON refund_requests (receivable_id);
CREATE UNIQUE INDEX refund_requests_open ON refund_requests (payment_id) WHERE state = 'open';
`;
