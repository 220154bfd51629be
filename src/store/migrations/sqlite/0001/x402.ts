/** Authorizations that a purse signed, and those that the built-in facilitator settles. */
export const x402 = `
-- A signed x402 authorization (EIP-3009 from the purse). nonce is what the chain refuses a second time.
CREATE TABLE x402_authorizations (
  payment_id TEXT PRIMARY KEY REFERENCES payments (id),
  chain_id INTEGER NOT NULL,
  purse TEXT NOT NULL,
  nonce TEXT NOT NULL UNIQUE,
  pay_to TEXT NOT NULL,
  value_micro INTEGER NOT NULL,
  valid_after_s INTEGER NOT NULL,
  valid_before_s INTEGER NOT NULL,
  payload_json TEXT,
  resource_json TEXT NOT NULL,
  cancelled_at INTEGER,
  reported_json TEXT,
  -- The wallet's epoch in which the authorization was signed: it is part of the EIP-3009 nonce.
  epoch INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX x402_by_purse ON x402_authorizations (purse);

-- Requests to the built-in facilitator: one row per (payer, nonce), kept for ever, so nothing is sent twice.
-- delivered_at: when a caller got the answer that it settled; only one caller gets it, so one payment is not served twice.
-- pending_*: the official code's own record of a transaction that it broadcast and that is not yet mined.
CREATE TABLE x402_settlements (
  chain_id INTEGER NOT NULL,
  payer TEXT NOT NULL,
  nonce TEXT NOT NULL,
  pay_to TEXT NOT NULL,
  value_micro INTEGER NOT NULL CHECK (value_micro > 0),
  state TEXT NOT NULL CHECK (state IN ('claimed', 'pending', 'settled', 'failed')),
  claimed_until INTEGER NOT NULL,
  transaction_id INTEGER REFERENCES transactions (id),
  pending_key TEXT,
  pending_hash TEXT,
  tx_hash TEXT,
  reason TEXT,
  delivered_at INTEGER,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  PRIMARY KEY (chain_id, payer, nonce)
) STRICT, WITHOUT ROWID;
CREATE INDEX x402_settlements_by_pending ON x402_settlements (pending_key) WHERE pending_key IS NOT NULL;
CREATE INDEX x402_settlements_by_tx ON x402_settlements (tx_hash) WHERE tx_hash IS NOT NULL;
`;
