/** Agents that were stopped everywhere, and the channels and notices of people. */
export const control = `
-- Stops, and how far the chain has followed.
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

-- Where people hear of what needs them, and every attempt to tell them.
CREATE TABLE notice_endpoints (
  id TEXT PRIMARY KEY,
  kind TEXT NOT NULL CHECK (kind IN ('webhook', 'chat', 'email')),
  -- A URL, or a mail address.
  target TEXT NOT NULL,
  -- Which events: names, or prefixes that end in a dot and a star.
  events_json TEXT NOT NULL,
  -- webhook: the Standard Webhooks secret. chat: the JSON template.
  secret TEXT,
  template TEXT,
  -- Whether the target may be inside the network that the server stands in.
  inside INTEGER NOT NULL CHECK (inside IN (0, 1)),
  status TEXT NOT NULL CHECK (status IN ('active', 'removed')),
  created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE notices (
  id TEXT PRIMARY KEY,
  endpoint_id TEXT NOT NULL REFERENCES notice_endpoints (id),
  event_seq INTEGER NOT NULL REFERENCES events (seq),
  state TEXT NOT NULL CHECK (state IN ('pending', 'delivered', 'dead')),
  attempts INTEGER NOT NULL DEFAULT 0,
  next_at INTEGER NOT NULL,
  last_error TEXT,
  delivered_at INTEGER,
  UNIQUE (endpoint_id, event_seq)
) STRICT;
CREATE INDEX notices_due ON notices (next_at) WHERE state = 'pending';

-- Secrets that all servers share. They open nothing by themselves: a sign-in needs a signature or the identity provider as well.
CREATE TABLE server_secrets (
  name TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT;

-- Nonces and login states that were used, until they expire.
CREATE TABLE sign_in_uses (
  id TEXT PRIMARY KEY,
  expires_at INTEGER NOT NULL
) STRICT;
`;
