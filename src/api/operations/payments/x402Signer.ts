import type { Payment } from '../../../decide/payments/payment.ts';
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
  /**
   * Signs inside the decision's transaction, so that one commit has both. The payment as it stands then, and its signature; null for
   * what needs to wait, which `signature` signs.
   */
  signNow(tx: Tx, paymentId: string): Promise<{ payment: Payment; signature: Signature } | null>;
  /** The token's EIP-712 name and version, as read on chain. */
  domain(): Promise<{ name: string; version: string }>;
}
