/** x402 `payment-identifier` (the extension of that name): 16 to 128 of A-Z a-z 0-9 _ -. */
const PAYMENT_IDENTIFIER = 'payment-identifier';

/**
 * The extensions of the payload: the seller's declarations, unchanged, and the payment's id in `payment-identifier`, if the seller
 * declares it. The id never changes, so a seller can tell a retry from a second purchase.
 */
export function echoExtensions(declared: unknown, paymentId: string): Record<string, unknown> | null {
  if (typeof declared !== 'object' || declared === null) return null;
  const echoed: Record<string, unknown> = { ...declared };
  const identifier = echoed[PAYMENT_IDENTIFIER];
  if (isIdentifier(identifier)) {
    echoed[PAYMENT_IDENTIFIER] = { ...identifier, info: { ...identifier.info, id: paymentId } };
  }
  return echoed;
}

function isIdentifier(extension: unknown): extension is { info: { required: boolean } } {
  if (typeof extension !== 'object' || extension === null || !('info' in extension)) return false;
  const { info } = extension;
  return typeof info === 'object' && info !== null && 'required' in info && typeof info.required === 'boolean';
}
