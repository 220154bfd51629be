import type { Tx } from '../../../store/store.ts';

/** A PAYMENT-SIGNATURE header, and until when (epoch ms) the authorization in it can be used. */
export type Signature = { header: string; validBeforeMs: number };

/** Signs what the gate has authorized on the x402 rail. */
export interface X402Signer {
  /**
   * The signature of an authorized purchase: made once, stored before it leaves, and the same ever after. Waits for the purse's
   * top-up up to `waitMs`; null when it is not there by then.
   */
  signature(paymentId: string, waitMs: number): Promise<Signature | null>;
  /** Signs inside the transaction of the decision, so that one commit holds both; what cannot be signed at once waits for `signature`. */
  signNow(tx: Tx, paymentId: string): void;
  /** The token's EIP-712 name and version, as read on chain. */
  domain(): Promise<{ name: string; version: string }>;
}
