/** Standing pre-approvals, who signed them, and schedules that pay by them. */
export const mandates = `
CREATE TABLE mandates (
  id text COLLATE "C" PRIMARY KEY,
  agent_id text COLLATE "C" NOT NULL REFERENCES agents (id),
  status text COLLATE "C" NOT NULL CHECK (status IN ('requested', 'active', 'declined', 'revoked')),
  -- What people sign, as canonical JSON; never changed.
  terms_json text COLLATE "C" NOT NULL,
  reason text COLLATE "C" NOT NULL,
  requested_by text COLLATE "C" NOT NULL,
  requested_at bigint NOT NULL,
  not_before bigint NOT NULL,
  expires_at bigint NOT NULL CHECK (expires_at > not_before),
  ended_at bigint
);
CREATE INDEX mandates_active ON mandates (agent_id, id) WHERE status = 'active';

CREATE TABLE mandate_signatures (
  mandate_id text COLLATE "C" NOT NULL REFERENCES mandates (id),
  approver_id text COLLATE "C" NOT NULL REFERENCES approvers (id),
  signature text COLLATE "C" NOT NULL,
  typed_data_json text COLLATE "C" NOT NULL,
  signed_at bigint NOT NULL,
  PRIMARY KEY (mandate_id, approver_id)
);

CREATE TABLE schedules (
  id text COLLATE "C" PRIMARY KEY,
  agent_id text COLLATE "C" NOT NULL REFERENCES agents (id),
  status text COLLATE "C" NOT NULL CHECK (status IN ('active', 'paused', 'ended')),
  name text COLLATE "C" NOT NULL,
  -- The payment that each occurrence asks for.
  request_json text COLLATE "C" NOT NULL,
  rrule text COLLATE "C" NOT NULL,
  zone text COLLATE "C" NOT NULL,
  starts_at bigint NOT NULL,
  -- What happens to an occurrence that the server slept through: skipped, or paid when at most this late.
  pay_within_ms bigint NOT NULL CHECK (pay_within_ms >= 0),
  next_at bigint,
  created_by text COLLATE "C" NOT NULL,
  created_at bigint NOT NULL
);
CREATE INDEX schedules_due ON schedules (next_at) WHERE status = 'active' AND next_at IS NOT NULL;

-- One row per occurrence and schedule, whatever became of it: two instances cannot both take it.
CREATE TABLE occurrences (
  schedule_id text COLLATE "C" NOT NULL REFERENCES schedules (id),
  due_at bigint NOT NULL,
  outcome text COLLATE "C" NOT NULL CHECK (outcome IN ('asked', 'skipped', 'refused')),
  payment_id text COLLATE "C",
  detail text COLLATE "C",
  handled_at bigint NOT NULL,
  PRIMARY KEY (schedule_id, due_at)
);
`;
