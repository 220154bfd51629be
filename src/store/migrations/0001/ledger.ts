/** Meters, the double-entry journal and the chain of events. */
export const ledger = `
-- One row per (meter, group, window start); rolling and lifetime windows have window_start 0.
-- For rolling windows oldest_at is the next entry to fall out, so a read within the window touches one row.
CREATE TABLE meters (
  meter TEXT NOT NULL,
  grp TEXT NOT NULL,
  window_start INTEGER NOT NULL,
  -- Below zero only where refunds of earlier payments arrived in this window; it is read as zero then.
  total_micro INTEGER NOT NULL,
  count INTEGER NOT NULL CHECK (count >= 0),
  last_at INTEGER,
  oldest_at INTEGER,
  PRIMARY KEY (meter, grp, window_start)
) STRICT, WITHOUT ROWID;

-- What each payment put into each meter, so that a release takes back exactly that. live = still in a rolling total.
-- A refund that its payer received has entries of its own: less money, and no payment counted.
CREATE TABLE meter_entries (
  payment_id TEXT NOT NULL,
  meter TEXT NOT NULL,
  grp TEXT NOT NULL,
  window_start INTEGER NOT NULL,
  amount_micro INTEGER NOT NULL,
  counted INTEGER NOT NULL DEFAULT 1 CHECK (counted IN (0, 1)),
  at INTEGER NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('live', 'left', 'released')),
  PRIMARY KEY (payment_id, meter)
) STRICT, WITHOUT ROWID;
CREATE INDEX meter_entries_rolling ON meter_entries (meter, grp, at) WHERE state = 'live' AND window_start = 0;

CREATE TABLE ledger_entries (
  id INTEGER PRIMARY KEY,
  kind TEXT NOT NULL,
  payment_id TEXT,
  receivable_id TEXT,
  block_number INTEGER,
  at INTEGER NOT NULL
) STRICT;
CREATE INDEX ledger_entries_by_payment ON ledger_entries (payment_id) WHERE payment_id IS NOT NULL;
CREATE TABLE postings (
  entry_id INTEGER NOT NULL REFERENCES ledger_entries (id),
  line INTEGER NOT NULL,
  account TEXT NOT NULL,
  amount_micro INTEGER NOT NULL CHECK (amount_micro <> 0),
  PRIMARY KEY (entry_id, line)
) STRICT, WITHOUT ROWID;
CREATE INDEX postings_by_account ON postings (account);
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
