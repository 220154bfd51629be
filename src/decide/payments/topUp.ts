import type { Address } from 'viem';
import { sha256 } from '../../core/ids/digest.ts';
import { formatUsdc, microUsdc } from '../../core/money/microUsdc.ts';
import type { PaymentRequest } from './request.ts';

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
