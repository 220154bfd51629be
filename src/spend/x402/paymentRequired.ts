import { z } from 'zod';
import { BursarError } from '../../core/errors/base.ts';
import { readJson } from '../../core/text/json.ts';

const text = z.string().max(2048);
/** One entry of `accepts` (x402 v2). Unknown fields are kept: the payload must echo the whole requirement. */
export const Requirement = z.looseObject({
  scheme: z.string().max(64),
  network: z.string().max(64),
  amount: z.string().max(40),
  asset: z.string().max(128),
  payTo: z.string().max(128),
  maxTimeoutSeconds: z.number().int().min(0),
  extra: z.record(z.string(), z.unknown()).nullish(),
});
export type Requirement = z.infer<typeof Requirement>;

/** The number of entries of one offer; a header of 40,000 characters holds about 200 real ones. */
const ACCEPTS_MAX = 1_000;

/**
 * The PAYMENT-REQUIRED header of an x402 v2 answer (specs/x402-specification-v2.md). Its entries are parsed one by one
 * (`offer.ts`), so that entries of other networks and schemes do not hide the payable one.
 */
export const PaymentRequired = z.looseObject({
  x402Version: z.literal(2),
  error: z.string().nullish(),
  resource: z.looseObject({ url: text, description: text.optional(), mimeType: text.optional() }),
  accepts: z.array(z.unknown()).min(1).max(ACCEPTS_MAX),
  extensions: z.record(z.string(), z.unknown()).nullish(),
});
export type PaymentRequired = z.infer<typeof PaymentRequired>;

/** Reads the header as received (base64 of JSON) or its decoded object. Throws `x402_invalid`. */
export function parsePaymentRequired(given: unknown): PaymentRequired {
  const parsed = PaymentRequired.safeParse(typeof given === 'string' ? decode(given) : given);
  if (!parsed.success) {
    const problems = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
    throw new BursarError('x402_invalid', { details: { problems } });
  }
  return parsed.data;
}

function decode(header: string): unknown {
  try {
    return readJson(Buffer.from(header, 'base64'));
  } catch (cause) {
    const why = cause instanceof BursarError ? ` ${cause.message}` : '';
    throw new BursarError('x402_invalid', { message: `PAYMENT-REQUIRED is not base64 of JSON.${why}`, cause });
  }
}
