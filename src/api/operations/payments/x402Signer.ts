import type { Tx } from '../../../store/store.ts';

/** A PAYMENT-SIGNATURE header, and the end of its authorization (epoch ms). */
export type Signature = { header: string; validBeforeMs: number };

/** Signs purchases that the gate has authorized on the x402 rail. */
export interface X402Signer {
  /**
   * The signature of an authorized purchase: made once, stored before it is sent, and unchanged afterwards. Waits for the purse's
   * top-up up to `waitMs`; null if it has not arrived by then.
   */
  signature(paymentId: string, waitMs: number): Promise<Signature | null>;
  /** Signs inside the decision's transaction, so that one commit has both; `signature` signs what needs to wait. */
  signNow(tx: Tx, paymentId: string): Promise<void>;
  /** The token's EIP-712 name and version, as read on chain. */
  domain(): Promise<{ name: string; version: string }>;
}
