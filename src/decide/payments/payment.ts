import type { Address, Hex } from 'viem';
import type { AgentId, PayeeId, PaymentId, ReceivableId, SponsorId, WorkflowId } from '../../core/ids/ids.ts';
import type { MicroUsdc } from '../../core/money/microUsdc.ts';
import type { PaymentKind } from '../../core/payment/kinds.ts';
import type { PaymentState } from '../../core/payment/states.ts';
import type { MandateId } from '../mandates/mandate.ts';
import type { Reason, Review } from '../policy/decision.ts';

/** `wallet`: a transfer by AgentWallet.pay. `x402`: an EIP-3009 authorization signed by the agent's purse, settled by others. */
export type Rail = 'wallet' | 'x402';

/** Where a payment stands on the chain. */
export type Settlement = {
  txHash: Hex;
  logIndex: number;
  blockNumber: bigint;
  blockHash: Hex;
  settledAtMs: number;
};

/** One outbound movement of money, as stored. */
export type Payment = {
  id: PaymentId;
  /** bytes32 on chain: keccak256 of the id. */
  chainKey: Hex;
  agentId: AgentId;
  sponsorId: SponsorId;
  workflowId: WorkflowId | null;
  workflowRun: string | null;
  payeeId: PayeeId | null;
  kind: PaymentKind;
  rail: Rail;
  chainId: number;
  address: Address;
  host: string | null;
  amount: MicroUsdc;
  /** What of the amount stands in the hold account now (see `hold.ts`). */
  heldMicro: bigint;
  category: string | null;
  memo: string | null;
  /** On a refund: the payment that it gives back, if an agent of this Bursar had made it. */
  refundOf: PaymentId | null;
  /** On a refund: what it gives back. On a split: what it passes on. */
  receivableId: ReceivableId | null;
  /** On a top_up: the x402 purchase that waits for it. */
  fundsPayment: PaymentId | null;
  batchId: string | null;
  /** The standing approval that stood in for people's signatures. */
  mandateId: MandateId | null;
  state: PaymentState;
  reasons: readonly Reason[];
  review: Review | null;
  reviewExpiresAtMs: number | null;
  /** `sha256:<hex>`; the hex is the bytes32 on chain. */
  policyDigest: string;
  /** What reaches the chain: the hash people signed where there was a review, else the allowing decision's. */
  decisionHash: Hex;
  walletNonce: bigint | null;
  /** Above a ceiling or outside the on-chain list: goes by AgentWallet.payApproved with the stored approvals. */
  requiresChainApproval: boolean;
  idempotencyKey: string;
  createdAtMs: number;
  updatedAtMs: number;
  /** Set while `settled` or `final`. */
  settlement: Settlement | null;
};
