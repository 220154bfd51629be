/** Where people hear of what needs them, and every attempt to tell them. */
export const notices = `
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
`;
