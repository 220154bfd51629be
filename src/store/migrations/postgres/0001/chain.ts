/** What the follower has read on chain, and alerts. */
export const chain = `
-- Every USDC Transfer in or out of our wallets and purses; each maps to exactly one payment, receivable or alert.
-- match_id: the payment or receivable; for internal ones 'sweep', 'withdraw' or 'before_watch'; null where nothing explains it.
CREATE TABLE transfers (
  chain_id bigint NOT NULL,
  block_hash text COLLATE "C" NOT NULL,
  log_index bigint NOT NULL,
  block_number bigint NOT NULL,
  tx_hash text COLLATE "C" NOT NULL,
  from_address text COLLATE "C" NOT NULL,
  to_address text COLLATE "C" NOT NULL,
  amount_micro bigint NOT NULL CHECK (amount_micro > 0),
  match_kind text COLLATE "C" NOT NULL CHECK (match_kind IN ('payment', 'receivable', 'internal', 'unexplained')),
  match_id text COLLATE "C",
  state text COLLATE "C" NOT NULL CHECK (state IN ('included', 'final', 'orphaned')),
  PRIMARY KEY (chain_id, block_hash, log_index)
);
CREATE INDEX transfers_by_block ON transfers (chain_id, block_number);
CREATE INDEX transfers_open ON transfers (chain_id, block_number) WHERE state = 'included';
CREATE INDEX transfers_by_tx ON transfers (tx_hash);
CREATE INDEX transfers_by_match ON transfers (match_id) WHERE match_kind = 'payment';

-- Wallets whose logs the follower has followed since that block; what they held before was taken over as an opening balance.
CREATE TABLE watched (
  chain_id bigint NOT NULL,
  agent_id text COLLATE "C" NOT NULL REFERENCES agents (id),
  since_block bigint NOT NULL,
  PRIMARY KEY (chain_id, agent_id)
);

-- AuthorizationCanceled logs of our purses that are not final yet.
CREATE TABLE x402_cancellations (
  chain_id bigint NOT NULL,
  nonce text COLLATE "C" NOT NULL,
  block_number bigint NOT NULL,
  PRIMARY KEY (chain_id, nonce)
);

-- Blocks the follower has applied: the newest is the cursor, the oldest is final, those between are not yet.
CREATE TABLE blocks (
  chain_id bigint NOT NULL,
  number bigint NOT NULL,
  hash text COLLATE "C" NOT NULL,
  parent_hash text COLLATE "C" NOT NULL,
  timestamp_s bigint NOT NULL,
  PRIMARY KEY (chain_id, number)
);

CREATE TABLE alerts (
  id bigint PRIMARY KEY DEFAULT next_number('alerts', 'id'),
  type text COLLATE "C" NOT NULL,
  agent_id text COLLATE "C",
  body_json text COLLATE "C" NOT NULL,
  raised_at bigint NOT NULL,
  resolved_at bigint
);
CREATE INDEX alerts_open ON alerts (type, agent_id) WHERE resolved_at IS NULL;

-- Payees that the chain told to be on a wallet's allow-list, once: the contract answers for one address and cannot list them.
CREATE TABLE allow_list_seen (
  agent_id text COLLATE "C" NOT NULL REFERENCES agents (id),
  chain_id bigint NOT NULL,
  address text COLLATE "C" NOT NULL,
  PRIMARY KEY (agent_id, chain_id, address)
);

-- A chain that contradicts what was final: while one is open, the gate refuses payments on that chain.
CREATE TABLE chain_stops (
  id bigint PRIMARY KEY DEFAULT next_number('chain_stops', 'id'),
  chain_id bigint NOT NULL,
  block_number bigint NOT NULL,
  known_hash text COLLATE "C" NOT NULL,
  told_hash text COLLATE "C" NOT NULL,
  started_at bigint NOT NULL,
  ended_at bigint,
  -- 'agreed': the chain has the block again. 'recovered': an operator had it read again.
  ended_by text COLLATE "C" CHECK (ended_by IN ('agreed', 'recovered'))
);
CREATE UNIQUE INDEX chain_stops_open ON chain_stops (chain_id) WHERE ended_at IS NULL;

-- The last block at which books and balanceOf agreed for every address: a log that was missed came after it.
CREATE TABLE chain_checked (
  chain_id bigint PRIMARY KEY,
  block_number bigint NOT NULL
);
`;
