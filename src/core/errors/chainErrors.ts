import { type CatalogueEntry, entry } from './entry.ts';

/** Codes of wallets, the chain and x402. See `catalogue.ts`. */
export const chainErrors = {
  // Wallet, chain
  chain_unavailable: entry(
    503,
    'safe',
    'The chain RPC does not answer.',
    'Nothing was lost: queued payments are sent when it answers again.',
  ),
  chain_mismatch: entry(
    500,
    'after_change',
    'The RPC serves another chain.',
    'Set the RPC of the configured chain id.',
  ),
  chain_inconsistent: entry(
    503,
    'safe',
    'The RPC contradicts known facts of the chain.',
    'Check the RPC; payments wait until it agrees. If a final block was replaced permanently: `bursar recover`.',
  ),
  chain_not_supported: entry(
    500,
    'after_change',
    'USDC on this chain cannot be followed by its logs.',
    'Configure another chain; see docs/real-chain.md.',
  ),
  insufficient_gas: entry(
    503,
    'after_change',
    'The relayer has too little gas.',
    'Fund the relayer address with the native coin.',
  ),
  keystore_locked: entry(500, 'after_change', 'The keystore cannot be opened.', 'Give the right passphrase.'),
  transfer_reverted: entry(
    409,
    'after_change',
    'The wallet contract refused the payment.',
    'See `details`; the hold is released once the chain shows that it can never be paid.',
  ),
  // x402
  x402_no_acceptable_offer: entry(
    422,
    'after_change',
    'None of the offers of the 402 can be paid.',
    'See `details` for a reason per offer.',
  ),
  x402_invalid: entry(
    422,
    'after_change',
    'The 402 response is not a valid x402 v2 PaymentRequired.',
    'Pass the PAYMENT-REQUIRED header as received.',
  ),
  x402_offer_changed: entry(
    409,
    'after_change',
    'The seller no longer makes the offer that was decided.',
    'Send it again with a new Idempotency-Key: the new offer is decided separately.',
  ),
  fetch_refused: entry(
    403,
    'after_change',
    'Bursar does not fetch from that host.',
    'Use a public host, or ask an operator to list this one with `set_fetch_hosts`.',
  ),
  fetch_failed: entry(
    502,
    'safe',
    'The other side gave no usable answer.',
    'Nothing was paid for this request. Send it again later.',
  ),
} as const satisfies Record<string, CatalogueEntry>;
