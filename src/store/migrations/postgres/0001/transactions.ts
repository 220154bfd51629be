/** Transactions, and every signed attempt to send them. */
export const transactions = `
-- What a relayer is to send. It gets its nonce in the write that stores its first signed attempt, so a nonce is taken if and
-- only if a transaction with it is on disk; attempts after the first are fee replacements under that same nonce.
-- dropped: will never be mined, either because it was never signed or because its nonce was taken by another (final).
CREATE TABLE transactions (
  id bigint PRIMARY KEY DEFAULT next_number('transactions', 'id'),
  chain_id bigint NOT NULL,
  sender text COLLATE "C" NOT NULL,
  nonce bigint,
  purpose text COLLATE "C" NOT NULL,
  to_address text COLLATE "C" NOT NULL,
  data text COLLATE "C" NOT NULL,
  gas_limit bigint,
  depends_on bigint REFERENCES transactions (id),
  state text COLLATE "C" NOT NULL CHECK (state IN ('queued', 'pending', 'mined', 'final', 'dropped')),
  drop_reason text COLLATE "C",
  drop_detail text COLLATE "C",
  mined_hash text COLLATE "C",
  succeeded bigint CHECK (succeeded IN (0, 1)),
  block_number bigint,
  block_hash text COLLATE "C",
  gas_used bigint,
  gas_price_wei text COLLATE "C",
  created_at bigint NOT NULL,
  UNIQUE (chain_id, sender, nonce),
  CHECK (state <> 'queued' OR nonce IS NULL),
  CHECK (state NOT IN ('pending', 'mined', 'final') OR nonce IS NOT NULL),
  CHECK ((state = 'dropped') = (drop_reason IS NOT NULL)),
  CHECK ((state IN ('mined', 'final')) = (succeeded IS NOT NULL AND block_hash IS NOT NULL AND mined_hash IS NOT NULL))
);
CREATE INDEX transactions_open ON transactions (chain_id, sender, state, id) WHERE state IN ('queued', 'pending', 'mined');
CREATE INDEX transactions_by_purpose ON transactions (purpose);
CREATE TABLE transaction_attempts (
  hash text COLLATE "C" PRIMARY KEY,
  transaction_id bigint NOT NULL REFERENCES transactions (id),
  -- The place among the attempts of the transaction, in the order in which they were signed.
  position bigint NOT NULL,
  raw text COLLATE "C" NOT NULL,
  gas_limit bigint NOT NULL,
  max_fee_wei text COLLATE "C" NOT NULL,
  max_priority_fee_wei text COLLATE "C" NOT NULL,
  signed_at bigint NOT NULL,
  broadcast_at bigint
);
CREATE INDEX attempts_by_transaction ON transaction_attempts (transaction_id);
CREATE TABLE transaction_payments (
  transaction_id bigint NOT NULL REFERENCES transactions (id),
  payment_id text COLLATE "C" NOT NULL REFERENCES payments (id),
  PRIMARY KEY (transaction_id, payment_id)
);
CREATE INDEX transaction_payments_by_payment ON transaction_payments (payment_id);
`;
