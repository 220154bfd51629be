/** What was decided, by which policy, from which documents. */
export const policy = `
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

-- Documents a decision was made from and came to, by sha-256 of their text. With a rowid: bodies are appended, and only the
-- small index is written in the random order of hashes.
CREATE TABLE documents (
  hash TEXT PRIMARY KEY,
  body TEXT NOT NULL
) STRICT;

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
`;
