import { z } from 'zod';
import { BursarError } from '../../../core/errors/base.ts';
import type { GuardedRequest } from '../../../core/net/guardedRequest.ts';
import { PurchaseUrl, purchaseShape } from './purchaseInput.ts';

const MAX_BYTES = 1024 * 1024;
/** Headers that Bursar or the connection sets. */
const reserved =
  /^(host|content-length|connection|keep-alive|transfer-encoding|te|trailer|upgrade|expect|accept-encoding|payment-signature|x-payment|proxy-.*)$/i;

const Headers = z
  .record(
    z.string().regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$/),
    z
      .string()
      .max(4_096)
      .regex(/^[\x20-\x7e\x80-\xff]*$/),
  )
  .refine((headers) => Object.keys(headers).length <= 50, 'holds more than 50 headers')
  .refine(
    (headers) => !Object.keys(headers).some((name) => reserved.test(name)),
    'names a header that Bursar sets itself',
  );

export const FetchInput = z.strictObject({
  ...purchaseShape,
  url: PurchaseUrl.describe('What to fetch'),
  method: z.enum(['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD']).default('GET'),
  headers: Headers.default({}).describe('Sent to this host alone, never to another one that it redirects to'),
  body: z.string().max(48_000).optional(),
  max_bytes: z.int().min(1).max(MAX_BYTES).default(MAX_BYTES).describe('Longer answers are cut'),
});
export type FetchInput = z.output<typeof FetchInput>;

/** The request to send. Throws `invalid_request` for a GET or HEAD with a body. */
export function guardedRequestOf({ method, headers, body }: FetchInput): GuardedRequest {
  if (body !== undefined && (method === 'GET' || method === 'HEAD')) {
    throw new BursarError('invalid_request', { message: `A ${method} has no body.` });
  }
  const named = new Set(Object.keys(headers).map((name) => name.toLowerCase()));
  const defaults = { accept: '*/*', 'user-agent': 'bursar', ...(body ? { 'content-type': 'application/json' } : {}) };
  const missing = Object.entries(defaults).filter(([name]) => !named.has(name));
  return {
    method,
    headers: { ...Object.fromEntries(missing), ...headers },
    body: body === undefined ? null : Buffer.from(body),
  };
}
