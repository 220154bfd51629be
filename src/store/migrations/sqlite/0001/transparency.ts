/** The event log's Merkle tree, its signed heads, and the heads that were anchored on a chain. */
export const transparency = `
-- Full tiles of 256 hashes (C2SP tlog-tiles): level 0 holds the hashes of events, level n + 1 the roots of the tiles of level n.
-- Derived from the events, so that a proof reads a few rows. \`ledger check --anchors\` takes nothing from here.
CREATE TABLE log_tiles (
  level INTEGER NOT NULL,
  tile INTEGER NOT NULL,
  -- 256 SHA-256 hashes, one after another, in base64.
  hashes TEXT NOT NULL,
  -- The root over them, in hex.
  root TEXT NOT NULL,
  PRIMARY KEY (level, tile)
) STRICT, WITHOUT ROWID;

-- Every head that was signed: after \`size\` events the tree's root was \`root\` (hex). note: the signed checkpoint.
CREATE TABLE log_heads (
  size INTEGER PRIMARY KEY CHECK (size > 0),
  root TEXT NOT NULL,
  note TEXT NOT NULL,
  signed_at INTEGER NOT NULL
) STRICT;
CREATE TRIGGER log_heads_append_only_update BEFORE UPDATE ON log_heads BEGIN SELECT RAISE(ABORT, 'heads are append-only'); END;
CREATE TRIGGER log_heads_append_only_delete BEFORE DELETE ON log_heads BEGIN SELECT RAISE(ABORT, 'heads are append-only'); END;

-- Heads on their way to the registry, and there. What became of one stands with its transaction.
CREATE TABLE log_anchors (
  transaction_id INTEGER PRIMARY KEY REFERENCES transactions (id),
  size INTEGER NOT NULL REFERENCES log_heads (size),
  registry TEXT NOT NULL,
  sender TEXT NOT NULL,
  requested_by TEXT NOT NULL,
  -- What it was expected to cost when it was queued.
  estimated_gas INTEGER NOT NULL,
  estimated_wei TEXT NOT NULL,
  -- 1 once its end stands in the event log.
  noted INTEGER NOT NULL DEFAULT 0 CHECK (noted IN (0, 1))
) STRICT;
CREATE INDEX log_anchors_open ON log_anchors (transaction_id) WHERE noted = 0;
CREATE INDEX log_anchors_by_size ON log_anchors (size);
`;
