/** Authorizations that a purse signed, and those that the built-in facilitator settles. */
export const x402 = `
-- A signed x402 authorization (EIP-3009 from the purse). nonce is what the chain refuses a second time.
CREATE TABLE x402_authorizations (
  payment_id text COLLATE "C" PRIMARY KEY REFERENCES payments (id),
  chain_id bigint NOT NULL,
  purse text COLLATE "C" NOT NULL,
  nonce text COLLATE "C" NOT NULL UNIQUE,
  pay_to text COLLATE "C" NOT NULL,
  value_micro bigint NOT NULL,
  valid_after_s bigint NOT NULL,
  valid_before_s bigint NOT NULL,
  payload_json text COLLATE "C",
  resource_json text COLLATE "C" NOT NULL,
  cancelled_at bigint,
  reported_json text COLLATE "C",
  -- The wallet's epoch in which the authorization was signed: it is part of the EIP-3009 nonce.
  epoch bigint NOT NULL DEFAULT 0
);
CREATE INDEX x402_by_purse ON x402_authorizations (purse);

-- Requests to the built-in facilitator: one row per (payer, nonce), kept for ever, so nothing is sent twice.
-- delivered_at: when a caller got the answer that it settled; only one caller gets it, so one payment is not served twice.
-- pending_*: the official code's own record of a transaction that it broadcast and that is not yet mined.
CREATE TABLE x402_settlements (
  chain_id bigint NOT NULL,
  payer text COLLATE "C" NOT NULL,
  nonce text COLLATE "C" NOT NULL,
  pay_to text COLLATE "C" NOT NULL,
  value_micro bigint NOT NULL CHECK (value_micro > 0),
  state text COLLATE "C" NOT NULL CHECK (state IN ('claimed', 'pending', 'settled', 'failed')),
  claimed_until bigint NOT NULL,
  transaction_id bigint REFERENCES transactions (id),
  pending_key text COLLATE "C",
  pending_hash text COLLATE "C",
  tx_hash text COLLATE "C",
  reason text COLLATE "C",
  delivered_at bigint,
  created_at bigint NOT NULL,
  updated_at bigint NOT NULL,
  PRIMARY KEY (chain_id, payer, nonce)
);
CREATE INDEX x402_settlements_by_pending ON x402_settlements (pending_key) WHERE pending_key IS NOT NULL;
CREATE INDEX x402_settlements_by_tx ON x402_settlements (tx_hash) WHERE tx_hash IS NOT NULL;
`;
