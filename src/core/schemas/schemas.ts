import { getAddress, isAddress } from 'viem';
import { z } from 'zod';
import { BursarError } from '../errors/base.ts';
import { type IdKind, idPattern } from '../ids/ids.ts';
import { formatUsdc, parsePositiveUsdc, parseUsdc } from '../money/microUsdc.ts';
import { nameProblem, normalised, textProblem } from '../text/text.ts';

/** Schemas that several operations share. Each form of an input is defined once and parsed once, at the edge. */

/** The answer to other forms of an amount, such as a number. */
const AMOUNT_FORM = 'is no amount: send {"value": "0.20", "currency": "USDC"}, or the text "0.20"';

/** An amount as in the W3C Payment Request API, or its value as text. Parses to micro-USDC; a bad value is `invalid_amount`. */
export const Amount = z
  .union(
    [
      z.strictObject({
        value: z
          .string()
          .max(40)
          .meta({ examples: ['1.25'] }),
        currency: z.literal('USDC'),
      }),
      z
        .string()
        .max(40)
        .meta({ examples: ['1.25'] }),
    ],
    { error: AMOUNT_FORM },
  )
  .transform((given) => parsePositiveUsdc(typeof given === 'string' ? given : given.value));
export const AmountView = z.object({ value: z.string(), currency: z.literal('USDC') }).meta({ id: 'Amount' });
export const amountView = (micro: bigint): z.input<typeof AmountView> => ({
  value: formatUsdc(micro),
  currency: 'USDC',
});

/** Decimal USDC in a query. Parses to micro-USDC; a bad value is `invalid_amount`. */
export const UsdcText = z.string().max(40).transform(parseUsdc);

/**
 * An address of 20 bytes in hex, with an EIP-55 checksum or in lower case. Parses to the checksummed form; else `invalid_address`.
 */
export const AddressText = z
  .string()
  .max(64)
  .transform((text) => {
    if (!isAddress(text, { strict: text !== text.toLowerCase() })) {
      throw new BursarError('invalid_address', { message: `"${text}" is not an address with a correct checksum.` });
    }
    return getAddress(text);
  });

/** Text that people read in tables, mails and signing screens: NFC without invisible characters (`src/core/text/text.ts`). */
export const safeText = (max: number) => checkedText(max, textProblem);
/** The name of an agent, payee, schedule and so on. It cannot be an id or an address. */
export const Name = checkedText(80, (text) => textProblem(text) ?? nameProblem(text));

function checkedText(max: number, problemOf: (text: string) => string | null) {
  return z
    .string()
    .overwrite(normalised)
    .min(1)
    .max(max)
    .superRefine((text, context) => {
      const problem = problemOf(text);
      if (problem !== null) context.addIssue({ code: 'custom', message: problem });
    });
}

/** A new name, with an operator's confirmation if it looks like an existing one. */
export const newName = {
  name: Name,
  confirm_confusable: z
    .boolean()
    .optional()
    .describe('Confirms a name that looks like an existing one, after a person has compared the two'),
};
export const Label = z
  .string()
  .regex(/^[a-z0-9][a-z0-9._-]{0,39}$/, 'is not a lower-case word of at most 40 characters');
/** A host name in lower case, with the port unless it is the default one. */
export const Host = z
  .string()
  .max(260)
  .transform((text) => text.toLowerCase())
  .pipe(z.string().regex(/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?$/, 'is not a host name'));

export const idOf = (kind: IdKind) => z.string().regex(idPattern(kind), `is not a ${kind} id`);
/** An id or a name, for operations that accept both. */
export const Ref = z.string().overwrite(normalised).min(1).max(80);
export const Digest = z.string().regex(/^sha256:[0-9a-f]{64}$/, 'is not sha256:<64 hex digits>');
export const Hex32 = z.string().regex(/^0x[0-9a-f]{64}$/);

/** RFC 3339, UTC. */
export const Time = z.iso.datetime();
export const iso = (ms: number): string => new Date(ms).toISOString();
export const isoOrNull = (ms: number | null): string | null => (ms === null ? null : iso(ms));

export const Limit = z.coerce.number().int().min(1).max(200).default(50);

export const ReasonView = z
  .object({
    code: z.string(),
    rule: z.string(),
    message: z.string(),
    observed: z.union([z.string(), z.number(), z.boolean(), z.null()]).optional(),
    limit: z.union([z.string(), z.number(), z.boolean(), z.null()]).optional(),
  })
  .meta({ id: 'Reason' });
export const ReviewView = z
  .object({ quorum: z.int(), roles: z.array(z.string()), expires_at: z.string().nullable() })
  .meta({ id: 'ReviewRequirement' });
