import { appendOnly } from './0001/appendOnly.ts';
import { chain } from './0001/chain.ts';
import { control } from './0001/control.ts';
import { earning } from './0001/earning.ts';
import { identity } from './0001/identity.ts';
import { identityEpoch } from './0001/identityEpoch.ts';
import { leases } from './0001/leases.ts';
import { ledger } from './0001/ledger.ts';
import { mandates } from './0001/mandates.ts';
import { numbers } from './0001/numbers.ts';
import { payments } from './0001/payments.ts';
import { policy } from './0001/policy.ts';
import { shadows } from './0001/shadows.ts';
import { transactions } from './0001/transactions.ts';
import { transparency } from './0001/transparency.ts';
import { x402 } from './0001/x402.ts';

/**
 * Money columns end in `_micro` (bigint, micro-USDC), times in `_at` (bigint, epoch milliseconds), JSON in `_json`.
 * Addresses are stored checksummed; texts are compared by their bytes. Append-only tables are guarded by triggers.
 */
export const initial = [
  numbers,
  identity,
  policy,
  shadows,
  mandates,
  payments,
  ledger,
  transactions,
  x402,
  earning,
  chain,
  control,
  transparency,
  identityEpoch,
  leases,
  appendOnly,
].join('');
