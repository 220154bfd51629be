/** Meters, the double-entry journal and the chain of events. */
export const ledger = `
-- One row per (meter, group, window start); a lifetime has window_start 0, a rolling window -1. id: what payments remember
-- them by.
CREATE TABLE meters (
  id INTEGER PRIMARY KEY,
  meter TEXT NOT NULL,
  grp TEXT NOT NULL,
  window_start INTEGER NOT NULL,
  -- Below zero only where refunds of earlier payments arrived in this window; it is read as zero then.
  total_micro INTEGER NOT NULL,
  count INTEGER NOT NULL CHECK (count >= 0),
  last_at INTEGER,
  UNIQUE (meter, grp, window_start)
) STRICT;

-- Which rows of meters and meter_rolling a meter stands in. A meter whose rules change is counted into rows of a new generation
-- while the old ones decide; live decides, last is the newest that was ever begun, so that none is begun twice.
CREATE TABLE meter_generations (
  meter TEXT PRIMARY KEY,
  live INTEGER NOT NULL,
  last INTEGER NOT NULL CHECK (last >= live)
) STRICT, WITHOUT ROWID;

-- Where a payment counts: one row for all of its meters, gone when it is released. A refund that its payer received has a row
-- of its own ('pay_… back'): less money, and no payment counted. Every total that nothing falls out of is the sum of these.
CREATE TABLE meter_entries (
  payment_id TEXT PRIMARY KEY,
  -- When it counts; epoch ms.
  at INTEGER NOT NULL,
  amount_micro INTEGER NOT NULL,
  counted INTEGER NOT NULL DEFAULT 1 CHECK (counted IN (0, 1)),
  -- Ids of meters, or [id, at] where it counts at another time (a refund in a rolling window).
  meters_json TEXT NOT NULL
) STRICT, WITHOUT ROWID;
-- What rolling totals are the sum of: all groups of a meter in the order of time, so that payments are appended here and
-- leave from the other end. What fell out is deleted here and stays above.
CREATE TABLE meter_rolling (
  meter TEXT NOT NULL,
  at INTEGER NOT NULL,
  payment_id TEXT NOT NULL,
  meter_id INTEGER NOT NULL,
  amount_micro INTEGER NOT NULL,
  counted INTEGER NOT NULL,
  PRIMARY KEY (meter, at, payment_id)
) STRICT, WITHOUT ROWID;

-- An entry moves an amount from one account to another, so that no entry can fail to sum to zero.
CREATE TABLE ledger_entries (
  id INTEGER PRIMARY KEY,
  kind TEXT NOT NULL,
  payment_id TEXT,
  receivable_id TEXT,
  block_number INTEGER,
  at INTEGER NOT NULL,
  from_account TEXT NOT NULL,
  to_account TEXT NOT NULL,
  amount_micro INTEGER NOT NULL CHECK (amount_micro > 0),
  CHECK (from_account <> to_account)
) STRICT;
CREATE INDEX ledger_entries_by_payment ON ledger_entries (payment_id) WHERE payment_id IS NOT NULL;
-- The two sides of each entry.
CREATE VIEW postings (entry_id, line, account, amount_micro) AS
  SELECT id, 0, from_account, -amount_micro FROM ledger_entries
  UNION ALL SELECT id, 1, to_account, amount_micro FROM ledger_entries;
-- Accounts are 'agt_…:available' and so on. Below zero: external ones, and the agents' own only where the chain says so
-- (an unexplained outflow, a reorg): the journal refuses the rest.
CREATE TABLE balances (
  account TEXT PRIMARY KEY,
  amount_micro INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Append-only, hash-chained: hash = sha-256(prev_hash, body). body is the JSON text of the whole event.
CREATE TABLE events (
  seq INTEGER PRIMARY KEY,
  at INTEGER NOT NULL,
  type TEXT NOT NULL,
  payment_id TEXT,
  agent_id TEXT,
  body TEXT NOT NULL,
  hash TEXT NOT NULL
) STRICT;
CREATE INDEX events_by_payment ON events (payment_id) WHERE payment_id IS NOT NULL;
`;
