/** Policies, decisions, and the documents they were made from. */
export const policy = `
CREATE TABLE policy_bundles (
  digest text COLLATE "C" PRIMARY KEY,
  bundle text COLLATE "C" NOT NULL,
  note text COLLATE "C" NOT NULL,
  loaded_at bigint NOT NULL
);
CREATE TABLE policy_activations (
  seq bigint PRIMARY KEY DEFAULT next_number('policy_activations', 'seq'),
  digest text COLLATE "C" NOT NULL REFERENCES policy_bundles (digest),
  kind text COLLATE "C" NOT NULL CHECK (kind IN ('activate', 'rollback')),
  actor text COLLATE "C" NOT NULL,
  activated_at bigint NOT NULL
);

-- What each payment was decided from and came to: the exact texts, of which the hashes are sha-256. A text belongs to one
-- decision (it holds the moment), so it stands in its row and is appended; hash is sha-256 of digest, input and result hash.
CREATE TABLE decisions (
  seq bigint PRIMARY KEY DEFAULT next_number('decisions', 'seq'),
  payment_id text COLLATE "C" NOT NULL,
  hash text COLLATE "C" NOT NULL,
  policy_digest text COLLATE "C" NOT NULL,
  effect text COLLATE "C" NOT NULL CHECK (effect IN ('allow', 'deny', 'review')),
  decided_at bigint NOT NULL,
  result_json text COLLATE "C" NOT NULL,
  input_json text COLLATE "C" NOT NULL
);
CREATE INDEX decisions_by_payment ON decisions (payment_id);
`;
