/** Transactions, and every signed attempt to send them. */
export const transactions = `
-- What a relayer is to send. It gets its nonce in the write that stores its first signed attempt, so a nonce is taken if and
-- only if a transaction with it is on disk; attempts after the first are fee replacements under that same nonce.
-- dropped: will never be mined, either because it was never signed or because its nonce was taken by another (final).
CREATE TABLE transactions (
  id INTEGER PRIMARY KEY,
  chain_id INTEGER NOT NULL,
  sender TEXT NOT NULL,
  nonce INTEGER,
  purpose TEXT NOT NULL,
  to_address TEXT NOT NULL,
  data TEXT NOT NULL,
  gas_limit INTEGER,
  depends_on INTEGER REFERENCES transactions (id),
  state TEXT NOT NULL CHECK (state IN ('queued', 'pending', 'mined', 'final', 'dropped')),
  drop_reason TEXT,
  drop_detail TEXT,
  mined_hash TEXT,
  succeeded INTEGER CHECK (succeeded IN (0, 1)),
  block_number INTEGER,
  block_hash TEXT,
  gas_used INTEGER,
  gas_price_wei TEXT,
  created_at INTEGER NOT NULL,
  UNIQUE (chain_id, sender, nonce),
  CHECK (state <> 'queued' OR nonce IS NULL),
  CHECK (state NOT IN ('pending', 'mined', 'final') OR nonce IS NOT NULL),
  CHECK ((state = 'dropped') = (drop_reason IS NOT NULL)),
  CHECK ((state IN ('mined', 'final')) = (succeeded IS NOT NULL AND block_hash IS NOT NULL AND mined_hash IS NOT NULL))
) STRICT;
CREATE INDEX transactions_open ON transactions (chain_id, sender, state, id) WHERE state IN ('queued', 'pending', 'mined');
CREATE INDEX transactions_by_purpose ON transactions (purpose);
CREATE TABLE transaction_attempts (
  hash TEXT PRIMARY KEY,
  transaction_id INTEGER NOT NULL REFERENCES transactions (id),
  -- The place among the attempts of the transaction, in the order in which they were signed.
  position INTEGER NOT NULL,
  raw TEXT NOT NULL,
  gas_limit INTEGER NOT NULL,
  max_fee_wei TEXT NOT NULL,
  max_priority_fee_wei TEXT NOT NULL,
  signed_at INTEGER NOT NULL,
  broadcast_at INTEGER
) STRICT;
CREATE INDEX attempts_by_transaction ON transaction_attempts (transaction_id);
CREATE TABLE transaction_payments (
  transaction_id INTEGER NOT NULL REFERENCES transactions (id),
  payment_id TEXT NOT NULL REFERENCES payments (id),
  PRIMARY KEY (transaction_id, payment_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX transaction_payments_by_payment ON transaction_payments (payment_id);
`;
