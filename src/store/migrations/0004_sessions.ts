/** Browser sessions of approvers. Only the sha-256 of the cookie's 256 random bits is kept. */
export const sessions = `
CREATE TABLE sessions (
  token_hash TEXT PRIMARY KEY,
  approver_id TEXT NOT NULL REFERENCES approvers (id),
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL CHECK (expires_at > created_at),
  ended_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_by_approver ON sessions (approver_id);
`;
