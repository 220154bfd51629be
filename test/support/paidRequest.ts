import {
  decodePaymentRequiredHeader,
  decodePaymentResponseHeader,
  encodePaymentSignatureHeader,
} from '@x402/core/http';
import { appendPaymentIdentifierToExtensions } from '@x402/extensions/payment-identifier';
import type { Buyer } from './paymentScene.ts';

/** The header that buys what that URL asks for: signed, and not sent. */
export async function signed(buyer: Buyer, url: string, init: RequestInit = {}, identifier?: string): Promise<string> {
  const asked = await fetch(url, init);
  if (asked.status !== 402) throw new Error(`${url} answered ${asked.status} instead of 402.`);
  const required = decodePaymentRequiredHeader(asked.headers.get('payment-required') ?? '');
  const [accepted] = required.accepts;
  if (!accepted) throw new Error('The offer is empty.');
  const payload = await buyer.pay(accepted);
  const extensions = identifier
    ? appendPaymentIdentifierToExtensions({ ...required.extensions }, identifier)
    : (required.extensions ?? {});
  return encodePaymentSignatureHeader({ ...payload, resource: required.resource, extensions });
}

export function paying(header: string, init: RequestInit = {}): RequestInit {
  return { ...init, headers: { ...(init.headers as Record<string, string>), 'payment-signature': header } };
}

export function receiptOf(response: Response) {
  return decodePaymentResponseHeader(response.headers.get('payment-response') ?? '');
}
