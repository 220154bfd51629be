/**
 * People who sign in by OIDC, the e-mail address that ties one to an approver, and sessions of either kind. Sessions are made
 * again: people sign in again.
 */
export const people = `
ALTER TABLE approvers ADD COLUMN email TEXT CHECK (email = lower(email));
CREATE UNIQUE INDEX approvers_by_email ON approvers (email) WHERE status = 'active';

-- email: only as the provider verified it. role: what the groups gave at the last sign-in.
CREATE TABLE people (
  id TEXT PRIMARY KEY,
  issuer TEXT NOT NULL,
  subject TEXT NOT NULL,
  name TEXT NOT NULL,
  email TEXT CHECK (email = lower(email)),
  role TEXT CHECK (role IN ('operator', 'auditor', 'viewer')),
  status TEXT NOT NULL CHECK (status IN ('active', 'blocked')),
  created_at INTEGER NOT NULL,
  signed_in_at INTEGER NOT NULL,
  UNIQUE (issuer, subject)
) STRICT;

DROP TABLE sessions;
-- Only the sha-256 of the cookie's 256 random bits is kept. groups_json: those of a person that the configuration knew.
CREATE TABLE sessions (
  token_hash TEXT PRIMARY KEY,
  approver_id TEXT REFERENCES approvers (id),
  person_id TEXT REFERENCES people (id),
  groups_json TEXT,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL CHECK (expires_at > created_at),
  ended_at INTEGER,
  CHECK ((approver_id IS NULL) <> (person_id IS NULL)),
  CHECK ((person_id IS NULL) = (groups_json IS NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_by_approver ON sessions (approver_id);
CREATE INDEX sessions_by_person ON sessions (person_id);
`;
