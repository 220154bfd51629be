import { BursarError } from '../errors/base.ts';

declare const brand: unique symbol;
/**
 * An amount of USDC in millionths (6 decimals), at most 2^53-1. Arithmetic gives a plain bigint, which must be parsed here again.
 */
export type MicroUsdc = bigint & { readonly [brand]: 'MicroUsdc' };

/** 2^53-1, the largest integer that JSON, Rego and WASM represent exactly: 9,007,199,254.740991 USDC. */
export const MICRO_USDC_MAX = 9_007_199_254_740_991n;
const DECIMALS = 6;
const UNIT = 1_000_000n;
const PATTERN = /^(0|[1-9][0-9]{0,9})(?:\.([0-9]{1,6}))?$/;

/** Takes an integer number of micro-USDC, zero included. Throws `invalid_amount` below 0 or above 2^53-1. */
export function microUsdc(value: bigint): MicroUsdc {
  if (value < 0n || value > MICRO_USDC_MAX) {
    throw new BursarError('invalid_amount', { message: `${value} micro-USDC is outside 0 to ${MICRO_USDC_MAX}.` });
  }
  return value as MicroUsdc;
}

/** "12.5" -> 12500000n. No sign, no exponent, no leading zeros, at most 6 decimals, never rounds. Throws `invalid_amount`. */
export function parseUsdc(text: string): MicroUsdc {
  const match = PATTERN.exec(text);
  if (!match) throw new BursarError('invalid_amount', { message: `"${text.slice(0, 40)}" is not an amount of USDC.` });
  const whole = BigInt(match[1] as string);
  const fraction = BigInt((match[2] ?? '').padEnd(DECIMALS, '0'));
  return microUsdc(whole * UNIT + fraction);
}

/** As `parseUsdc`, but refuses zero: for amounts of payments. */
export function parsePositiveUsdc(text: string): MicroUsdc {
  const amount = parseUsdc(text);
  if (amount === 0n) throw new BursarError('invalid_amount', { message: 'The amount is zero.' });
  return amount;
}

/** 12500000n -> "12.50": at least two decimals, as many as needed. Negative values keep their sign (ledger balances). */
export function formatUsdc(value: bigint): string {
  const sign = value < 0n ? '-' : '';
  const absolute = value < 0n ? -value : value;
  const fraction = (absolute % UNIT)
    .toString()
    .padStart(DECIMALS, '0')
    .replace(/0{1,4}$/, '');
  return `${sign}${absolute / UNIT}.${fraction}`;
}
