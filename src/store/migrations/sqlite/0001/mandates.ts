/** Standing pre-approvals, who signed them, and schedules that pay by them. */
export const mandates = `
CREATE TABLE mandates (
  id TEXT PRIMARY KEY,
  agent_id TEXT NOT NULL REFERENCES agents (id),
  status TEXT NOT NULL CHECK (status IN ('requested', 'active', 'declined', 'revoked')),
  -- What people sign, as canonical JSON; never changed.
  terms_json TEXT NOT NULL,
  reason TEXT NOT NULL,
  requested_by TEXT NOT NULL,
  requested_at INTEGER NOT NULL,
  not_before INTEGER NOT NULL,
  expires_at INTEGER NOT NULL CHECK (expires_at > not_before),
  ended_at INTEGER
) STRICT;
CREATE INDEX mandates_active ON mandates (agent_id, id) WHERE status = 'active';

CREATE TABLE mandate_signatures (
  mandate_id TEXT NOT NULL REFERENCES mandates (id),
  approver_id TEXT NOT NULL REFERENCES approvers (id),
  signature TEXT NOT NULL,
  typed_data_json TEXT NOT NULL,
  signed_at INTEGER NOT NULL,
  PRIMARY KEY (mandate_id, approver_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE schedules (
  id TEXT PRIMARY KEY,
  agent_id TEXT NOT NULL REFERENCES agents (id),
  status TEXT NOT NULL CHECK (status IN ('active', 'paused', 'ended')),
  name TEXT NOT NULL,
  -- The payment that each occurrence asks for.
  request_json TEXT NOT NULL,
  rrule TEXT NOT NULL,
  zone TEXT NOT NULL,
  starts_at INTEGER NOT NULL,
  -- What happens to an occurrence that the server slept through: skipped, or paid when at most this late.
  pay_within_ms INTEGER NOT NULL CHECK (pay_within_ms >= 0),
  next_at INTEGER,
  created_by TEXT NOT NULL,
  created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX schedules_due ON schedules (next_at) WHERE status = 'active' AND next_at IS NOT NULL;

-- One row per occurrence and schedule, whatever became of it: two instances cannot both take it.
CREATE TABLE occurrences (
  schedule_id TEXT NOT NULL REFERENCES schedules (id),
  due_at INTEGER NOT NULL,
  outcome TEXT NOT NULL CHECK (outcome IN ('asked', 'skipped', 'refused')),
  payment_id TEXT REFERENCES payments (id),
  detail TEXT,
  handled_at INTEGER NOT NULL,
  PRIMARY KEY (schedule_id, due_at)
) STRICT, WITHOUT ROWID;
`;
