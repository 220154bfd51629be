import { getAddress, isAddress } from 'viem';
import { z } from 'zod';
import { BursarError } from '../errors/base.ts';
import { type IdKind, idPattern } from '../ids/ids.ts';
import { formatUsdc, parsePositiveUsdc, parseUsdc } from '../money/microUsdc.ts';

/** Schemas that several operations share: each wire form is told once, and parsed once, here at the edge. */

/** W3C Payment Request form. Parses to micro-USDC; a bad value is `invalid_amount`. */
export const Amount = z
  .strictObject({
    value: z
      .string()
      .max(40)
      .meta({ examples: ['1.25'] }),
    currency: z.literal('USDC'),
  })
  .transform(({ value }) => parsePositiveUsdc(value));
export const AmountView = z.object({ value: z.string(), currency: z.literal('USDC') });
export const amountView = (micro: bigint): z.input<typeof AmountView> => ({
  value: formatUsdc(micro),
  currency: 'USDC',
});

/** Decimal USDC in a query. Parses to micro-USDC; a bad value is `invalid_amount`. */
export const UsdcText = z.string().max(40).transform(parseUsdc);

/** 20-byte hex with an EIP-55 checksum, or all lower case. Parses to the checksummed form; else `invalid_address`. */
export const AddressText = z
  .string()
  .max(64)
  .transform((text) => {
    if (!isAddress(text, { strict: text !== text.toLowerCase() })) {
      throw new BursarError('invalid_address', { message: `"${text}" is not an address with a correct checksum.` });
    }
    return getAddress(text);
  });

/** Names appear in tables, mails and signing screens: no control or bidirectional-override characters, no angle brackets. */
const unsafe = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}<>]/u;
export const safeText = (max: number) =>
  z
    .string()
    .trim()
    .min(1)
    .max(max)
    .refine((text) => !unsafe.test(text), 'holds control, invisible or markup characters');
export const Name = safeText(80);
export const Label = z
  .string()
  .regex(/^[a-z0-9][a-z0-9._-]{0,39}$/, 'is not a lower-case word of at most 40 characters');
/** A host name, with a port where it is not the default. Lower case. */
export const Host = z
  .string()
  .max(260)
  .transform((text) => text.toLowerCase())
  .pipe(z.string().regex(/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?$/, 'is not a host name'));

export const idOf = (kind: IdKind) => z.string().regex(idPattern(kind), `is not a ${kind} id`);
/** An id or a name, where both find the thing. */
export const Ref = z.string().min(1).max(80);
export const Digest = z.string().regex(/^sha256:[0-9a-f]{64}$/, 'is not sha256:<64 hex digits>');
export const Hex32 = z.string().regex(/^0x[0-9a-f]{64}$/);

/** RFC 3339, UTC. */
export const Time = z.iso.datetime();
export const iso = (ms: number): string => new Date(ms).toISOString();
export const isoOrNull = (ms: number | null): string | null => (ms === null ? null : iso(ms));

export const Limit = z.coerce.number().int().min(1).max(200).default(50);

export const ReasonView = z.object({
  code: z.string(),
  rule: z.string(),
  message: z.string(),
  observed: z.union([z.string(), z.number(), z.boolean(), z.null()]).optional(),
  limit: z.union([z.string(), z.number(), z.boolean(), z.null()]).optional(),
});
export const ReviewView = z.object({ quorum: z.int(), roles: z.array(z.string()), expires_at: z.string().nullable() });
