/** Signs what the gate has authorized on the x402 rail. */
export interface X402Signer {
  /**
   * The PAYMENT-SIGNATURE header of an authorized purchase: made once, stored before it leaves, and the same ever after. Waits
   * for the purse's top-up up to `waitMs`; null when it is not there by then.
   */
  signature(paymentId: string, waitMs: number): Promise<string | null>;
  /** The token's EIP-712 name and version, as read on chain. */
  domain(): Promise<{ name: string; version: string }>;
}
