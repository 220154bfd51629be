/** What the follower has seen on chain, and the alerts that it and others raise. */
export const chain = `
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
`;
