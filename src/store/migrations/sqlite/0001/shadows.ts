/** Candidate policies that were evaluated beside the active one, and their differences. */
export const shadows = `
CREATE TABLE policy_shadows (
  seq INTEGER PRIMARY KEY,
  digest TEXT NOT NULL REFERENCES policy_bundles (digest),
  -- What it counts by: an activation may take those meters away.
  meters_json TEXT NOT NULL,
  started_by TEXT NOT NULL,
  started_at INTEGER NOT NULL,
  ended_at INTEGER,
  ended_by TEXT,
  end_reason TEXT,
  CHECK ((ended_at IS NULL) = (end_reason IS NULL))
) STRICT;
-- One at a time.
CREATE UNIQUE INDEX policy_shadows_open ON policy_shadows ((ended_at IS NULL)) WHERE ended_at IS NULL;

-- is_same: also for the same reasons, and the same people where it is a review. The sum stops at 9e18.
CREATE TABLE policy_shadow_counts (
  shadow INTEGER NOT NULL REFERENCES policy_shadows (seq),
  active_effect TEXT NOT NULL CHECK (active_effect IN ('allow', 'deny', 'review')),
  shadow_effect TEXT NOT NULL CHECK (shadow_effect IN ('allow', 'deny', 'review')),
  is_same INTEGER NOT NULL CHECK (is_same IN (0, 1)),
  count INTEGER NOT NULL,
  amount_micro INTEGER NOT NULL,
  PRIMARY KEY (shadow, active_effect, shadow_effect, is_same)
) STRICT, WITHOUT ROWID;

CREATE TABLE policy_differences (
  seq INTEGER PRIMARY KEY,
  shadow INTEGER NOT NULL REFERENCES policy_shadows (seq),
  payment_id TEXT NOT NULL REFERENCES payments (id),
  at INTEGER NOT NULL,
  amount_micro INTEGER NOT NULL,
  active_digest TEXT NOT NULL,
  active_effect TEXT NOT NULL CHECK (active_effect IN ('allow', 'deny', 'review')),
  active_reasons_json TEXT NOT NULL,
  active_review_json TEXT,
  shadow_effect TEXT NOT NULL CHECK (shadow_effect IN ('allow', 'deny', 'review')),
  shadow_reasons_json TEXT NOT NULL,
  shadow_review_json TEXT,
  -- What the candidate threw, where it failed.
  failure TEXT
) STRICT;
CREATE INDEX policy_differences_by_shadow ON policy_differences (shadow, seq);
`;
