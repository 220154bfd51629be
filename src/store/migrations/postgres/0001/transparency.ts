/** The event log's Merkle tree, its signed heads, and the heads that were anchored on a chain. */
export const transparency = `
-- Full tiles of 256 hashes (C2SP tlog-tiles): level 0 holds the hashes of events, level n + 1 the roots of the tiles of level n.
-- Derived from the events, so that a proof reads a few rows. \`ledger check --anchors\` takes nothing from here.
CREATE TABLE log_tiles (
  level bigint NOT NULL,
  tile bigint NOT NULL,
  -- 256 SHA-256 hashes, one after another, in base64.
  hashes text COLLATE "C" NOT NULL,
  -- The root over them, in hex.
  root text COLLATE "C" NOT NULL,
  PRIMARY KEY (level, tile)
);

-- Every head that was signed: after \`size\` events the tree's root was \`root\` (hex). note: the signed checkpoint.
CREATE TABLE log_heads (
  size bigint PRIMARY KEY CHECK (size > 0),
  root text COLLATE "C" NOT NULL,
  note text COLLATE "C" NOT NULL,
  signed_at bigint NOT NULL
);

-- Heads on their way to the registry, and there. What became of one stands with its transaction.
CREATE TABLE log_anchors (
  transaction_id bigint PRIMARY KEY REFERENCES transactions (id),
  size bigint NOT NULL REFERENCES log_heads (size),
  registry text COLLATE "C" NOT NULL,
  sender text COLLATE "C" NOT NULL,
  requested_by text COLLATE "C" NOT NULL,
  -- What it was expected to cost when it was queued.
  estimated_gas bigint NOT NULL,
  estimated_wei text COLLATE "C" NOT NULL,
  -- 1 once its end stands in the event log.
  noted bigint NOT NULL DEFAULT 0 CHECK (noted IN (0, 1))
);
CREATE INDEX log_anchors_open ON log_anchors (transaction_id) WHERE noted = 0;
CREATE INDEX log_anchors_by_size ON log_anchors (size);
`;
