/** What the follower has read on chain, and alerts. */
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

-- Payees that the chain told to be on a wallet's allow-list, once: the contract answers for one address and cannot list them.
CREATE TABLE allow_list_seen (
  agent_id TEXT NOT NULL REFERENCES agents (id),
  chain_id INTEGER NOT NULL,
  address TEXT NOT NULL,
  PRIMARY KEY (agent_id, chain_id, address)
) STRICT, WITHOUT ROWID;

-- A chain that contradicts what was final: while one is open, the gate refuses payments on that chain.
CREATE TABLE chain_stops (
  id INTEGER PRIMARY KEY,
  chain_id INTEGER NOT NULL,
  block_number INTEGER NOT NULL,
  known_hash TEXT NOT NULL,
  told_hash TEXT NOT NULL,
  started_at INTEGER NOT NULL,
  ended_at INTEGER,
  -- 'agreed': the chain has the block again. 'recovered': an operator had it read again.
  ended_by TEXT CHECK (ended_by IN ('agreed', 'recovered'))
) STRICT;
CREATE UNIQUE INDEX chain_stops_open ON chain_stops (chain_id) WHERE ended_at IS NULL;

-- The last block at which books and balanceOf agreed for every address: a log that was missed came after it.
CREATE TABLE chain_checked (
  chain_id INTEGER PRIMARY KEY,
  block_number INTEGER NOT NULL
) STRICT;
`;
