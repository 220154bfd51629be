import { states } from '../../payments/states.ts';

const stateList = states.map((state) => `'${state}'`).join(', ');

/**
 * Money columns end in `_micro` (INTEGER micro-USDC), times in `_at` (INTEGER, epoch milliseconds), JSON in `_json`.
 * Addresses are stored checksummed. Append-only tables are guarded by triggers.
 */
export const initial = `
CREATE TABLE settings (
  name TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT;

CREATE TABLE sponsors (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  status TEXT NOT NULL CHECK (status IN ('active', 'frozen', 'revoked')),
  treasury_address TEXT,
  created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE agents (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  sponsor_id TEXT NOT NULL REFERENCES sponsors (id),
  status TEXT NOT NULL CHECK (status IN ('active', 'frozen', 'revoked')),
  status_reason TEXT,
  labels_json TEXT NOT NULL,
  created_at INTEGER NOT NULL
) STRICT;

-- One wallet per agent and chain. config_json is what the factory's address depends on; ceilings_json what holds on chain now.
CREATE TABLE wallets (
  agent_id TEXT NOT NULL REFERENCES agents (id),
  chain_id INTEGER NOT NULL,
  address TEXT NOT NULL,
  purse_address TEXT NOT NULL,
  salt TEXT NOT NULL,
  config_json TEXT NOT NULL,
  ceilings_json TEXT NOT NULL,
  next_nonce INTEGER NOT NULL DEFAULT 0,
  deployed_at INTEGER,
  PRIMARY KEY (agent_id, chain_id),
  UNIQUE (chain_id, address),
  UNIQUE (chain_id, purse_address)
) STRICT;

CREATE TABLE workflows (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  status TEXT NOT NULL CHECK (status IN ('active', 'frozen', 'revoked')),
  created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE payees (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  kind TEXT NOT NULL CHECK (kind IN ('merchant', 'agent', 'contractor', 'internal')),
  status TEXT NOT NULL CHECK (status IN ('active', 'blocked')),
  agent_id TEXT REFERENCES agents (id),
  categories_json TEXT NOT NULL,
  hosts_json TEXT NOT NULL,
  first_seen_at INTEGER NOT NULL
) STRICT;

-- changed_at: when this address took the place of another one of the payee. retired_at: when another took its place.
CREATE TABLE payee_addresses (
  payee_id TEXT NOT NULL REFERENCES payees (id),
  address TEXT NOT NULL,
  first_seen_at INTEGER NOT NULL,
  verified_at INTEGER,
  changed_at INTEGER,
  retired_at INTEGER,
  PRIMARY KEY (payee_id, address)
) STRICT;
CREATE INDEX payee_addresses_by_address ON payee_addresses (address);
CREATE TABLE payee_hosts (
  host TEXT PRIMARY KEY,
  payee_id TEXT NOT NULL REFERENCES payees (id)
) STRICT;

CREATE TABLE approvers (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  address TEXT NOT NULL UNIQUE,
  roles_json TEXT NOT NULL,
  sponsor_id TEXT REFERENCES sponsors (id),
  status TEXT NOT NULL CHECK (status IN ('active', 'revoked')),
  created_at INTEGER NOT NULL
) STRICT;

-- secret_hash: sha-256 of a 256-bit random secret, which needs no salt or stretching.
CREATE TABLE credentials (
  id TEXT PRIMARY KEY,
  role TEXT NOT NULL CHECK (role IN ('operator', 'auditor', 'agent')),
  agent_id TEXT REFERENCES agents (id),
  name TEXT NOT NULL,
  secret_hash TEXT NOT NULL UNIQUE,
  scopes_json TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER,
  revoked_at INTEGER,
  rotated_from TEXT REFERENCES credentials (id),
  CHECK ((role = 'agent') = (agent_id IS NOT NULL))
) STRICT;

CREATE TABLE policy_bundles (
  digest TEXT PRIMARY KEY,
  bundle TEXT NOT NULL,
  note TEXT NOT NULL,
  loaded_at INTEGER NOT NULL
) STRICT;
CREATE TABLE policy_activations (
  seq INTEGER PRIMARY KEY,
  digest TEXT NOT NULL REFERENCES policy_bundles (digest),
  kind TEXT NOT NULL CHECK (kind IN ('activate', 'rollback')),
  actor TEXT NOT NULL,
  activated_at INTEGER NOT NULL
) STRICT;

-- Documents a decision was made from and came to, by sha-256 of their text.
CREATE TABLE documents (
  hash TEXT PRIMARY KEY,
  body TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE decisions (
  seq INTEGER PRIMARY KEY,
  hash TEXT NOT NULL,
  payment_id TEXT NOT NULL REFERENCES payments (id),
  policy_digest TEXT NOT NULL,
  input_hash TEXT NOT NULL,
  result_hash TEXT NOT NULL,
  effect TEXT NOT NULL CHECK (effect IN ('allow', 'deny', 'review')),
  decided_at INTEGER NOT NULL
) STRICT;
CREATE INDEX decisions_by_payment ON decisions (payment_id);
CREATE INDEX decisions_by_hash ON decisions (hash);

-- decision_hash is what reaches the chain: the hash people signed where there was a review, else the allowing decision's.
CREATE TABLE payments (
  id TEXT PRIMARY KEY,
  chain_key TEXT NOT NULL UNIQUE,
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
  state TEXT NOT NULL CHECK (state IN (${stateList})),
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
  UNIQUE (agent_id, idempotency_key)
) STRICT;
CREATE INDEX payments_working ON payments (state, id) WHERE state IN ('in_review', 'authorized', 'submitted', 'settled');
CREATE INDEX payments_by_batch ON payments (batch_id) WHERE batch_id IS NOT NULL;
CREATE INDEX payments_by_refund ON payments (refund_of) WHERE refund_of IS NOT NULL;
CREATE INDEX payments_by_receivable ON payments (receivable_id) WHERE receivable_id IS NOT NULL;
CREATE INDEX payments_by_tx ON payments (tx_hash) WHERE tx_hash IS NOT NULL;
CREATE INDEX payments_by_funded ON payments (funds_payment) WHERE funds_payment IS NOT NULL;
CREATE INDEX payments_by_payee ON payments (payee_id, id);
CREATE INDEX payments_by_agent ON payments (agent_id, id);

-- Many payouts in one file. A line has one payment at a time; its attempt goes up only after one that moved nothing.
CREATE TABLE payouts (
  -- Its payments carry it as batch_id.
  id TEXT PRIMARY KEY,
  agent_id TEXT NOT NULL REFERENCES agents (id),
  idempotency_key TEXT NOT NULL,
  -- sha-256 of the canonical lines: the same key with other lines is a conflict.
  content_hash TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('deciding', 'decided', 'stopped')),
  -- Who asked last: the lines are decided on that credential's word, as long as it is not revoked.
  credential_id TEXT NOT NULL REFERENCES credentials (id),
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

-- One row per (meter, group, window start); rolling and lifetime windows have window_start 0.
-- For rolling windows oldest_at is the next entry to fall out, so a read within the window touches one row.
CREATE TABLE meters (
  meter TEXT NOT NULL,
  grp TEXT NOT NULL,
  window_start INTEGER NOT NULL,
  -- Below zero only where refunds of earlier payments arrived in this window; it is read as zero then.
  total_micro INTEGER NOT NULL,
  count INTEGER NOT NULL CHECK (count >= 0),
  last_at INTEGER,
  oldest_at INTEGER,
  PRIMARY KEY (meter, grp, window_start)
) STRICT, WITHOUT ROWID;

-- What each payment put into each meter, so that a release takes back exactly that. live = still in a rolling total.
-- A refund that its payer received has entries of its own: less money, and no payment counted.
CREATE TABLE meter_entries (
  payment_id TEXT NOT NULL,
  meter TEXT NOT NULL,
  grp TEXT NOT NULL,
  window_start INTEGER NOT NULL,
  amount_micro INTEGER NOT NULL,
  counted INTEGER NOT NULL DEFAULT 1 CHECK (counted IN (0, 1)),
  at INTEGER NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('live', 'left', 'released')),
  PRIMARY KEY (payment_id, meter)
) STRICT, WITHOUT ROWID;
CREATE INDEX meter_entries_rolling ON meter_entries (meter, grp, at) WHERE state = 'live' AND window_start = 0;

CREATE TABLE ledger_entries (
  id INTEGER PRIMARY KEY,
  kind TEXT NOT NULL,
  payment_id TEXT,
  receivable_id TEXT,
  block_number INTEGER,
  at INTEGER NOT NULL
) STRICT;
CREATE INDEX ledger_entries_by_payment ON ledger_entries (payment_id) WHERE payment_id IS NOT NULL;
CREATE TABLE postings (
  entry_id INTEGER NOT NULL REFERENCES ledger_entries (id),
  line INTEGER NOT NULL,
  account TEXT NOT NULL,
  amount_micro INTEGER NOT NULL CHECK (amount_micro <> 0),
  PRIMARY KEY (entry_id, line)
) STRICT, WITHOUT ROWID;
CREATE INDEX postings_by_account ON postings (account);
-- Accounts are 'agt_…:available' and so on. Below zero: external ones, and the agents' own only where the chain says so
-- (an unexplained outflow, a reorg): the journal refuses the rest.
CREATE TABLE balances (
  account TEXT PRIMARY KEY,
  amount_micro INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Append-only, hash-chained: hash = sha-256(prev_hash, body). body is the JSON text of the whole event.
CREATE TABLE events (
  seq INTEGER PRIMARY KEY,
  at INTEGER NOT NULL,
  type TEXT NOT NULL,
  payment_id TEXT,
  agent_id TEXT,
  body TEXT NOT NULL,
  hash TEXT NOT NULL
) STRICT;
CREATE INDEX events_by_payment ON events (payment_id) WHERE payment_id IS NOT NULL;

-- What a relayer is to send. It gets its nonce in the write that stores its first signed attempt, so a nonce is taken if and
-- only if a transaction with it is on disk; attempts after the first are fee replacements under that same nonce.
-- dropped: will never be mined, either because it was never signed or because its nonce was taken by another (final).
CREATE TABLE transactions (
  id INTEGER PRIMARY KEY,
  chain_id INTEGER NOT NULL,
  sender TEXT NOT NULL,
  nonce INTEGER,
  purpose TEXT NOT NULL,
  to_address TEXT NOT NULL,
  data TEXT NOT NULL,
  gas_limit INTEGER,
  depends_on INTEGER REFERENCES transactions (id),
  state TEXT NOT NULL CHECK (state IN ('queued', 'pending', 'mined', 'final', 'dropped')),
  drop_reason TEXT,
  drop_detail TEXT,
  mined_hash TEXT,
  succeeded INTEGER CHECK (succeeded IN (0, 1)),
  block_number INTEGER,
  block_hash TEXT,
  gas_used INTEGER,
  gas_price_wei TEXT,
  created_at INTEGER NOT NULL,
  UNIQUE (chain_id, sender, nonce),
  CHECK (state <> 'queued' OR nonce IS NULL),
  CHECK (state NOT IN ('pending', 'mined', 'final') OR nonce IS NOT NULL),
  CHECK ((state = 'dropped') = (drop_reason IS NOT NULL)),
  CHECK ((state IN ('mined', 'final')) = (succeeded IS NOT NULL AND block_hash IS NOT NULL AND mined_hash IS NOT NULL))
) STRICT;
CREATE INDEX transactions_open ON transactions (chain_id, sender, state, id) WHERE state IN ('queued', 'pending', 'mined');
CREATE INDEX transactions_by_purpose ON transactions (purpose);
CREATE TABLE transaction_attempts (
  hash TEXT PRIMARY KEY,
  transaction_id INTEGER NOT NULL REFERENCES transactions (id),
  raw TEXT NOT NULL,
  gas_limit INTEGER NOT NULL,
  max_fee_wei TEXT NOT NULL,
  max_priority_fee_wei TEXT NOT NULL,
  signed_at INTEGER NOT NULL,
  broadcast_at INTEGER
) STRICT;
CREATE INDEX attempts_by_transaction ON transaction_attempts (transaction_id);
CREATE TABLE transaction_payments (
  transaction_id INTEGER NOT NULL REFERENCES transactions (id),
  payment_id TEXT NOT NULL REFERENCES payments (id),
  PRIMARY KEY (transaction_id, payment_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX transaction_payments_by_payment ON transaction_payments (payment_id);

-- A signed x402 authorization (EIP-3009 from the purse). nonce is what the chain refuses a second time.
CREATE TABLE x402_authorizations (
  payment_id TEXT PRIMARY KEY REFERENCES payments (id),
  chain_id INTEGER NOT NULL,
  purse TEXT NOT NULL,
  nonce TEXT NOT NULL UNIQUE,
  pay_to TEXT NOT NULL,
  value_micro INTEGER NOT NULL,
  valid_after_s INTEGER NOT NULL,
  valid_before_s INTEGER NOT NULL,
  payload_json TEXT,
  resource_json TEXT NOT NULL,
  cancelled_at INTEGER,
  reported_json TEXT
) STRICT;
CREATE INDEX x402_by_purse ON x402_authorizations (purse);

-- What the facilitator inside was asked to settle: one row per (payer, nonce) for ever, so nothing is sent for it twice.
-- told_at: when a caller heard that it settled; heard once, so one payment is not served twice. pending_*: the official
-- code's own store of what it broadcast and has not seen mined.
CREATE TABLE x402_settlements (
  chain_id INTEGER NOT NULL,
  payer TEXT NOT NULL,
  nonce TEXT NOT NULL,
  pay_to TEXT NOT NULL,
  value_micro INTEGER NOT NULL CHECK (value_micro > 0),
  state TEXT NOT NULL CHECK (state IN ('claimed', 'pending', 'settled', 'failed')),
  claimed_until INTEGER NOT NULL,
  transaction_id INTEGER REFERENCES transactions (id),
  pending_key TEXT,
  pending_hash TEXT,
  tx_hash TEXT,
  reason TEXT,
  told_at INTEGER,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  PRIMARY KEY (chain_id, payer, nonce)
) STRICT, WITHOUT ROWID;
CREATE INDEX x402_settlements_by_pending ON x402_settlements (pending_key) WHERE pending_key IS NOT NULL;
CREATE INDEX x402_settlements_by_tx ON x402_settlements (tx_hash) WHERE tx_hash IS NOT NULL;

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
  -- How the invoice was found: the announced nonce, somebody's claim of the transaction, or only the amount.
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

-- What an agent has earned, and what of it was passed on (refunds, splits; holds included), so that no decision adds up the past.
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
CREATE INDEX invoices_by_address ON invoices (address, id) WHERE cancelled_at IS NULL;

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

-- Every USDC Transfer in or out of our wallets and purses; each maps to exactly one payment, receivable or alert.
-- match_id: the payment or receivable; for internal ones 'sweep', 'withdraw' or 'before_watch'; null where nothing explains it.
CREATE TABLE transfers (
  chain_id INTEGER NOT NULL,
  block_hash TEXT NOT NULL,
  log_index INTEGER NOT NULL,
  block_number INTEGER NOT NULL,
  tx_hash TEXT NOT NULL,
  from_address TEXT NOT NULL,
  to_address TEXT NOT NULL,
  amount_micro INTEGER NOT NULL CHECK (amount_micro > 0),
  match_kind TEXT NOT NULL CHECK (match_kind IN ('payment', 'receivable', 'internal', 'unexplained')),
  match_id TEXT,
  state TEXT NOT NULL CHECK (state IN ('included', 'final', 'orphaned')),
  PRIMARY KEY (chain_id, block_hash, log_index)
) STRICT, WITHOUT ROWID;
CREATE INDEX transfers_by_block ON transfers (chain_id, block_number);
CREATE INDEX transfers_open ON transfers (chain_id, block_number) WHERE state = 'included';
CREATE INDEX transfers_by_tx ON transfers (tx_hash);
CREATE INDEX transfers_by_match ON transfers (match_id) WHERE match_kind = 'payment';

-- Wallets whose logs the follower has followed since that block; what they held before was taken over as an opening balance.
CREATE TABLE watched (
  chain_id INTEGER NOT NULL,
  agent_id TEXT NOT NULL REFERENCES agents (id),
  since_block INTEGER NOT NULL,
  PRIMARY KEY (chain_id, agent_id)
) STRICT, WITHOUT ROWID;

-- AuthorizationCanceled logs of our purses that are not final yet.
CREATE TABLE x402_cancellations (
  chain_id INTEGER NOT NULL,
  nonce TEXT NOT NULL,
  block_number INTEGER NOT NULL,
  PRIMARY KEY (chain_id, nonce)
) STRICT, WITHOUT ROWID;

-- Blocks the follower has applied: the newest is the cursor, the oldest is final, those between are not yet.
CREATE TABLE blocks (
  chain_id INTEGER NOT NULL,
  number INTEGER NOT NULL,
  hash TEXT NOT NULL,
  parent_hash TEXT NOT NULL,
  timestamp_s INTEGER NOT NULL,
  PRIMARY KEY (chain_id, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE alerts (
  id INTEGER PRIMARY KEY,
  type TEXT NOT NULL,
  agent_id TEXT,
  body_json TEXT NOT NULL,
  raised_at INTEGER NOT NULL,
  resolved_at INTEGER
) STRICT;
CREATE INDEX alerts_open ON alerts (type, agent_id) WHERE resolved_at IS NULL;

CREATE TRIGGER events_append_only_update BEFORE UPDATE ON events BEGIN SELECT RAISE(ABORT, 'events are append-only'); END;
CREATE TRIGGER events_append_only_delete BEFORE DELETE ON events BEGIN SELECT RAISE(ABORT, 'events are append-only'); END;
CREATE TRIGGER postings_append_only_update BEFORE UPDATE ON postings BEGIN SELECT RAISE(ABORT, 'postings are append-only'); END;
CREATE TRIGGER postings_append_only_delete BEFORE DELETE ON postings BEGIN SELECT RAISE(ABORT, 'postings are append-only'); END;
CREATE TRIGGER entries_append_only_update BEFORE UPDATE ON ledger_entries BEGIN SELECT RAISE(ABORT, 'entries are append-only'); END;
CREATE TRIGGER entries_append_only_delete BEFORE DELETE ON ledger_entries BEGIN SELECT RAISE(ABORT, 'entries are append-only'); END;
CREATE TRIGGER decisions_append_only_update BEFORE UPDATE ON decisions BEGIN SELECT RAISE(ABORT, 'decisions are append-only'); END;
CREATE TRIGGER decisions_append_only_delete BEFORE DELETE ON decisions BEGIN SELECT RAISE(ABORT, 'decisions are append-only'); END;
`;
