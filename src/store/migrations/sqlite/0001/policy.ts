/** Policies, decisions, and the documents they were made from. */
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

-- What each payment was decided from and came to: the exact texts, of which the hashes are sha-256. A text belongs to one
-- decision (it holds the moment), so it stands in its row and is appended; hash is sha-256 of digest, input and result hash.
CREATE TABLE decisions (
  seq INTEGER PRIMARY KEY,
  payment_id TEXT NOT NULL REFERENCES payments (id),
  hash TEXT NOT NULL,
  policy_digest TEXT NOT NULL,
  effect TEXT NOT NULL CHECK (effect IN ('allow', 'deny', 'review')),
  decided_at INTEGER NOT NULL,
  result_json TEXT NOT NULL,
  input_json TEXT NOT NULL
) STRICT;
CREATE INDEX decisions_by_payment ON decisions (payment_id);
`;
