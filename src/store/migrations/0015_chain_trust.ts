/** What the follower holds against a chain, and up to where its answers were checked. */
export const chainTrust = `
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
