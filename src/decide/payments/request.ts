import type { Address } from 'viem';
import type { AgentId, PaymentId, ReceivableId } from '../../core/ids/ids.ts';
import type { MicroUsdc } from '../../core/money/microUsdc.ts';
import type { PaymentKind } from '../../core/payment/kinds.ts';
import type { PolicyInput } from '../policy/input.ts';
import type { Rail } from './payment.ts';

/** What is asked of the gate, parsed and typed; nothing in it has been looked up yet. */
export type PaymentRequest = {
  agentId: AgentId;
  /** 8 to 200 characters, unique per agent. */
  idempotencyKey: string;
  /** sha-256 of the canonical request: the same key with another body is a conflict. */
  bodyHash: string;
  /** The canonical request itself, kept as evidence. */
  requestJson: string;
  kind: PaymentKind;
  amount: MicroUsdc;
  /** Payee id or name, or the agent that a payee stands for; null where only an address or a host is known. */
  payee: string | { agent: string } | null;
  /** Checksummed; null: the payee's current one. */
  address: Address | null;
  workflow: { ref: string; run: string | null } | null;
  category: string | null;
  memo: string | null;
  /** The payment that a refund gives back, or the receivable where no agent of this Bursar had paid. */
  refundOf: PaymentId | ReceivableId | null;
  /** On a split: what it passes on. */
  receivableId?: ReceivableId;
  batchId: string | null;
  rail: Rail;
  host: string | null;
  x402: PolicyInput['payment']['x402'];
};

/** The one chain a Bursar pays on, and its USDC. `network` is CAIP-2. */
export type ChainFacts = { chainId: number; token: Address; network: string; factory: Address };
