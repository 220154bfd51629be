/** Candidate policies that were evaluated beside the active one, and their differences. */
export const shadows = `
CREATE TABLE policy_shadows (
  seq bigint PRIMARY KEY DEFAULT next_number('policy_shadows', 'seq'),
  digest text COLLATE "C" NOT NULL REFERENCES policy_bundles (digest),
  -- What it counts by: an activation may take those meters away.
  meters_json text COLLATE "C" NOT NULL,
  started_by text COLLATE "C" NOT NULL,
  started_at bigint NOT NULL,
  ended_at bigint,
  ended_by text COLLATE "C",
  end_reason text COLLATE "C",
  CHECK ((ended_at IS NULL) = (end_reason IS NULL))
);
-- One at a time.
CREATE UNIQUE INDEX policy_shadows_open ON policy_shadows ((ended_at IS NULL)) WHERE ended_at IS NULL;

-- is_same: also for the same reasons, and the same people where it is a review. The sum stops at 9e18.
CREATE TABLE policy_shadow_counts (
  shadow bigint NOT NULL REFERENCES policy_shadows (seq),
  active_effect text COLLATE "C" NOT NULL CHECK (active_effect IN ('allow', 'deny', 'review')),
  shadow_effect text COLLATE "C" NOT NULL CHECK (shadow_effect IN ('allow', 'deny', 'review')),
  is_same bigint NOT NULL CHECK (is_same IN (0, 1)),
  count bigint NOT NULL,
  amount_micro bigint NOT NULL,
  PRIMARY KEY (shadow, active_effect, shadow_effect, is_same)
);

CREATE TABLE policy_differences (
  seq bigint PRIMARY KEY DEFAULT next_number('policy_differences', 'seq'),
  shadow bigint NOT NULL REFERENCES policy_shadows (seq),
  payment_id text COLLATE "C" NOT NULL,
  at bigint NOT NULL,
  amount_micro bigint NOT NULL,
  active_digest text COLLATE "C" NOT NULL,
  active_effect text COLLATE "C" NOT NULL CHECK (active_effect IN ('allow', 'deny', 'review')),
  active_reasons_json text COLLATE "C" NOT NULL,
  active_review_json text COLLATE "C",
  shadow_effect text COLLATE "C" NOT NULL CHECK (shadow_effect IN ('allow', 'deny', 'review')),
  shadow_reasons_json text COLLATE "C" NOT NULL,
  shadow_review_json text COLLATE "C",
  -- What the candidate threw, where it failed.
  failure text COLLATE "C"
);
CREATE INDEX policy_differences_by_shadow ON policy_differences (shadow, seq);
`;
