import type { Hex } from 'viem';
import type { Receivable } from '../../books/receivables/receivable.ts';
import type { BursarError } from '../../core/errors/base.ts';
import type { MandateId } from '../mandates/mandate.ts';
import type { Decision } from '../policy/decision.ts';
import type { Payment } from './payment.ts';
import type { PaymentRequest } from './request.ts';
import type { Facts } from './resolve.ts';

/** What the policy said of one input, ready to be stored and replayed. Hashes are sha-256 of the exact texts. */
export type Evidence = {
  inputText: string;
  inputHash: string;
  resultText: string;
  resultHash: string;
  policyDigest: string;
  /** bytes32: what reaches the chain. */
  decisionHash: Hex;
  /** The policy's own decision, before the gate narrowed it. */
  decision: Decision;
  /** What a policy that failed has thrown; no part of the decision. */
  failure: string | null;
};

/**
 * How an amount gets ready to be spent, in micro-USDC. `topUp`: to move from the wallet to the purse first; `holdNow`: what the payment
 * holds at once; the rest is held when the top-up settles.
 */
export type Funding = { holdNow: bigint; topUp: bigint };

/**
 * The gate's answer to one request that was decided, from the policy to the response: effect, reasons and review as the gate has narrowed
 * them. `payment` is null on a dry run.
 */
export type Decided = Decision & {
  replayed: false;
  payment: Payment | null;
  /** Only `payApproved` with the wallet's own approvers will pass on chain. */
  requiresChainApproval: boolean;
  evidence: Evidence;
  facts: Facts;
  funding: Funding | null;
  /** The transfer into the purse that must settle first, decided already. */
  topUp: { request: PaymentRequest; decided: Decided } | null;
  /** The mandate that it goes under. */
  mandate: MandateId | null;
  /** On a refund: what it gives back. */
  refunded: Receivable | null;
};
/** The same key was seen before: that payment as it stands, and nothing was decided. */
export type Replayed = { replayed: true; payment: Payment };
/** A request that may not be decided at all. Nothing of it is recorded. */
export type Refused = { error: BursarError };

export type Answer = Decided | Replayed | Refused;
/** An answer with its payment. */
export type Recorded = (Decided & { payment: Payment }) | Replayed;
