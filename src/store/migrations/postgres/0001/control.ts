/** Agents that were stopped everywhere, and the channels and notices of people. */
export const control = `
-- Stops, and how far the chain has followed.
CREATE TABLE stops (
  id bigint PRIMARY KEY DEFAULT next_number('stops', 'id'),
  agent_id text COLLATE "C" NOT NULL REFERENCES agents (id),
  reason text COLLATE "C" NOT NULL,
  actor text COLLATE "C" NOT NULL,
  -- What the server undid in the first transaction, in numbers.
  server_json text COLLATE "C" NOT NULL,
  -- What the worker last saw of the chain and did there; null before its first look.
  chain_json text COLLATE "C",
  started_at bigint NOT NULL,
  frozen_at bigint,
  -- When nothing was at risk any more; null again if something came up.
  safe_at bigint,
  -- All of it final on chain, or lifted.
  ended_at bigint
);
CREATE INDEX stops_by_agent ON stops (agent_id, id);
CREATE UNIQUE INDEX stops_open ON stops (agent_id) WHERE ended_at IS NULL;

-- Where people hear of what needs them, and every attempt to tell them.
CREATE TABLE notice_endpoints (
  id text COLLATE "C" PRIMARY KEY,
  kind text COLLATE "C" NOT NULL CHECK (kind IN ('webhook', 'chat', 'email')),
  -- A URL, or a mail address.
  target text COLLATE "C" NOT NULL,
  -- Which events: names, or prefixes that end in a dot and a star.
  events_json text COLLATE "C" NOT NULL,
  -- webhook: the Standard Webhooks secret. chat: the JSON template.
  secret text COLLATE "C",
  template text COLLATE "C",
  -- Whether the target may be inside the network that the server stands in.
  inside bigint NOT NULL CHECK (inside IN (0, 1)),
  status text COLLATE "C" NOT NULL CHECK (status IN ('active', 'removed')),
  created_at bigint NOT NULL
);

CREATE TABLE notices (
  id text COLLATE "C" PRIMARY KEY,
  endpoint_id text COLLATE "C" NOT NULL REFERENCES notice_endpoints (id),
  event_seq bigint NOT NULL REFERENCES events (seq),
  state text COLLATE "C" NOT NULL CHECK (state IN ('pending', 'delivered', 'dead')),
  attempts bigint NOT NULL DEFAULT 0,
  next_at bigint NOT NULL,
  last_error text COLLATE "C",
  delivered_at bigint,
  UNIQUE (endpoint_id, event_seq)
);
CREATE INDEX notices_due ON notices (next_at) WHERE state = 'pending';

-- Secrets that all servers share. They open nothing by themselves: a sign-in needs a signature or the identity provider as well.
CREATE TABLE server_secrets (
  name text COLLATE "C" PRIMARY KEY,
  value text COLLATE "C" NOT NULL
);

-- Nonces and login states that were used, until they expire.
CREATE TABLE sign_in_uses (
  id text COLLATE "C" PRIMARY KEY,
  expires_at bigint NOT NULL
);
`;
