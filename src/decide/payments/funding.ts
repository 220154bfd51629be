import type { Address } from 'viem';
import type { AgentAccount } from '../../books/ledger/accounts.ts';
import { sha256 } from '../../core/ids/digest.ts';
import { formatUsdc, microUsdc } from '../../core/money/microUsdc.ts';
import type { Funding } from './answer.ts';
import type { Rail } from './payment.ts';
import type { PaymentRequest } from './request.ts';

/** Where a rail's money waits before and while it is held. */
export function holdAccounts(rail: Rail): { free: AgentAccount; held: AgentAccount } {
  return rail === 'wallet' ? { free: 'available', held: 'reserved' } : { free: 'purse', held: 'purse_reserved' };
}

/** `short`: by how much there is too little, in micro-USDC. */
type Found = Funding | { short: bigint };

export function walletFunding(available: bigint, amount: bigint): Found {
  return available >= amount ? { holdNow: amount, topUp: 0n } : { short: amount - available };
}

/**
 * The purse pays if it has enough. If not, the wallet tops it up, to the float target where it can: never with less than the amount
 * that is missing, so that the purchase is covered by what the top-up brings plus what it holds already.
 */
export function purseFunding(
  { available, purse }: { available: bigint; purse: bigint },
  amount: bigint,
  floatTarget: bigint,
): Found {
  if (purse >= amount) return { holdNow: amount, topUp: 0n };
  const free = purse > 0n ? purse : 0n;
  const missing = amount - free;
  if (available < missing) return { short: missing - available };
  const wanted = larger(amount, floatTarget);
  const topUp = wanted > available ? available : wanted;
  return { topUp, holdNow: larger(amount - topUp, 0n) };
}

function larger(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}

/** The transfer from the wallet to its own purse that an x402 purchase waits for: a payment of its own, through the gate. */
export function topUpRequest(purchase: PaymentRequest, purse: Address, amountMicro: bigint): PaymentRequest {
  const amount = microUsdc(amountMicro);
  const requestJson = JSON.stringify({ kind: 'top_up', amount: formatUsdc(amount), for: purchase.idempotencyKey });
  return {
    ...purchase,
    // The leading space keeps it apart from callers' keys, which have none; a purchase topped up again has a top-up of its own.
    idempotencyKey: ` top_up ${amount} ${purchase.idempotencyKey}`,
    bodyHash: sha256(requestJson),
    requestJson,
    kind: 'top_up',
    amount,
    payee: null,
    address: purse,
    category: null,
    memo: null,
    refundOf: null,
    batchId: null,
    rail: 'wallet',
    host: null,
    x402: null,
  };
}
