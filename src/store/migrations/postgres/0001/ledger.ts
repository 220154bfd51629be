/** Meters, the double-entry journal and the chain of events. */
export const ledger = `
-- One row per (meter, group, window start); a lifetime has window_start 0, a rolling window -1. id: what payments remember
-- them by.
CREATE TABLE meters (
  id bigint PRIMARY KEY DEFAULT next_number('meters', 'id'),
  meter text COLLATE "C" NOT NULL,
  grp text COLLATE "C" NOT NULL,
  window_start bigint NOT NULL,
  -- Below zero only where refunds of earlier payments arrived in this window; it is read as zero then.
  total_micro bigint NOT NULL,
  count bigint NOT NULL CHECK (count >= 0),
  last_at bigint,
  UNIQUE (meter, grp, window_start)
) WITH (fillfactor = 50);

-- Which rows of meters and meter_rolling a meter stands in. A meter whose rules change is counted into rows of a new generation
-- while the old ones decide; live decides, last is the newest that was ever begun, so that none is begun twice.
CREATE TABLE meter_generations (
  meter text COLLATE "C" PRIMARY KEY,
  live bigint NOT NULL,
  last bigint NOT NULL CHECK (last >= live)
);

-- Where a payment counts: one row for all of its meters, gone when it is released. A refund that its payer received has a row
-- of its own ('pay_… back'): less money, and no payment counted. Every total that nothing falls out of is the sum of these.
CREATE TABLE meter_entries (
  payment_id text COLLATE "C" PRIMARY KEY,
  -- When it counts; epoch ms.
  at bigint NOT NULL,
  amount_micro bigint NOT NULL,
  counted bigint NOT NULL DEFAULT 1 CHECK (counted IN (0, 1)),
  -- Ids of meters, or [id, at] where it counts at another time (a refund in a rolling window).
  meters_json text COLLATE "C" NOT NULL
);
-- What rolling totals are the sum of: all groups of a meter in the order of time, so that payments are appended here and
-- leave from the other end. What fell out is deleted here and stays above.
CREATE TABLE meter_rolling (
  meter text COLLATE "C" NOT NULL,
  at bigint NOT NULL,
  payment_id text COLLATE "C" NOT NULL,
  meter_id bigint NOT NULL,
  amount_micro bigint NOT NULL,
  counted bigint NOT NULL,
  PRIMARY KEY (meter, at, payment_id)
);

-- An entry moves an amount from one account to another, so that no entry can fail to sum to zero.
CREATE TABLE ledger_entries (
  id bigint PRIMARY KEY DEFAULT next_number('ledger_entries', 'id'),
  kind text COLLATE "C" NOT NULL,
  payment_id text COLLATE "C",
  receivable_id text COLLATE "C",
  block_number bigint,
  at bigint NOT NULL,
  from_account text COLLATE "C" NOT NULL,
  to_account text COLLATE "C" NOT NULL,
  amount_micro bigint NOT NULL CHECK (amount_micro > 0),
  CHECK (from_account <> to_account)
);
CREATE INDEX ledger_entries_by_payment ON ledger_entries (payment_id) WHERE payment_id IS NOT NULL;
-- The two sides of each entry.
CREATE VIEW postings (entry_id, line, account, amount_micro) AS
  SELECT id, 0, from_account, -amount_micro FROM ledger_entries
  UNION ALL SELECT id, 1, to_account, amount_micro FROM ledger_entries;
-- Accounts are 'agt_…:available' and so on. Below zero: external ones, and the agents' own only where the chain says so
-- (an unexplained outflow, a reorg): the journal refuses the rest.
CREATE TABLE balances (
  account text COLLATE "C" PRIMARY KEY,
  amount_micro bigint NOT NULL
) WITH (fillfactor = 50);

-- Append-only, hash-chained: hash = sha-256(prev_hash, body). body is the JSON text of the whole event.
CREATE TABLE events (
  seq bigint PRIMARY KEY,
  at bigint NOT NULL,
  type text COLLATE "C" NOT NULL,
  payment_id text COLLATE "C",
  agent_id text COLLATE "C",
  body text COLLATE "C" NOT NULL,
  hash text COLLATE "C" NOT NULL
);
CREATE INDEX events_by_payment ON events (payment_id) WHERE payment_id IS NOT NULL;
`;
