import type { Address, Hex } from 'viem';
import type { AgentId, PaymentId, ReceivableId } from '../../core/ids/ids.ts';

export const receivableKinds = ['deposit', 'agent_payment', 'x402_sale', 'invoice', 'refund', 'unmatched'] as const;
export type ReceivableKind = (typeof receivableKinds)[number];
/** Money that the agent earned: it can be refunded, and its revenue rule applies. */
export const earnedKinds = ['agent_payment', 'x402_sale', 'invoice'] as const satisfies readonly ReceivableKind[];
export const receivableStates = ['included', 'final', 'orphaned'] as const;
export type ReceivableState = (typeof receivableStates)[number];
/** How an invoice was found, strongest evidence first. */
export type InvoiceBy = 'nonce' | 'claim' | 'amount';

/** Money that one log brought to one agent. Amounts in micro-USDC. */
export type Receivable = {
  id: ReceivableId;
  agentId: AgentId;
  kind: ReceivableKind;
  state: ReceivableState;
  amountMicro: bigint;
  /** The source of the money, to which a refund returns. */
  payer: Address;
  /** The payment behind it, if an agent of this Bursar paid. */
  paymentId: PaymentId | null;
  invoiceId: string | null;
  invoiceBy: InvoiceBy | null;
  saleNonce: Hex | null;
  chainId: number;
  txHash: Hex;
  logIndex: number;
  blockNumber: bigint;
  blockHash: Hex;
  routedAtMs: number | null;
  /** The block's time. */
  receivedAtMs: number;
};
