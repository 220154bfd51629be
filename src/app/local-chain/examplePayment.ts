import type { Address } from 'viem';
import { newId } from '../../core/ids/ids.ts';
import { paymentIdOnChain } from '../../core/ids/paymentIdOnChain.ts';
import { microUsdc } from '../../core/money/microUsdc.ts';
import type { Payment } from '../../decide/payments/payment.ts';

/** A policy digest for local chains and tests, without a bundle. */
export const EXAMPLE_POLICY_DIGEST = `sha256:${'ab'.repeat(32)}`;

/** An authorized payout of 1 USDC on the local chain, with the given changes: for tests of the steps after the gate. */
export function examplePayment(changes: Partial<Payment> & { address: Address }): Payment {
  const id = changes.id ?? newId('payment');
  return {
    id,
    chainKey: paymentIdOnChain(id),
    agentId: 'agt_example',
    sponsorId: 'spn_example',
    workflowId: null,
    workflowRun: null,
    payeeId: null,
    kind: 'payout',
    rail: 'wallet',
    chainId: 31_337,
    host: null,
    amount: microUsdc(1_000_000n),
    heldMicro: 1_000_000n,
    category: null,
    memo: null,
    refundOf: null,
    receivableId: null,
    fundsPayment: null,
    batchId: null,
    mandateId: null,
    state: 'authorized',
    reasons: [],
    review: null,
    reviewExpiresAtMs: null,
    policyDigest: EXAMPLE_POLICY_DIGEST,
    decisionHash: `0x${'cd'.repeat(32)}`,
    walletNonce: 0n,
    requiresChainApproval: false,
    idempotencyKey: id,
    createdAtMs: 0,
    updatedAtMs: 0,
    settlement: null,
    ...changes,
  };
}
