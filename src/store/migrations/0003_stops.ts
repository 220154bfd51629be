/** Agents that were stopped everywhere, and how far the chain has followed. */
export const stops = `
CREATE TABLE stops (
  id INTEGER PRIMARY KEY,
  agent_id TEXT NOT NULL REFERENCES agents (id),
  reason TEXT NOT NULL,
  actor TEXT NOT NULL,
  -- What the server undid in the first transaction, in numbers.
  server_json TEXT NOT NULL,
  -- What the worker last saw of the chain and did there; null before its first look.
  chain_json TEXT,
  started_at INTEGER NOT NULL,
  frozen_at INTEGER,
  -- When nothing was at risk any more; null again if something came up.
  safe_at INTEGER,
  -- All of it final on chain, or lifted.
  ended_at INTEGER
) STRICT;
CREATE INDEX stops_by_agent ON stops (agent_id, id);
CREATE UNIQUE INDEX stops_open ON stops (agent_id) WHERE ended_at IS NULL;
`;
