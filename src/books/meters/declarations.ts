import { z } from 'zod';
import { BursarError } from '../../core/errors/base.ts';
import { paymentKinds } from '../../core/payment/kinds.ts';
import { calendarStart, calendarUnits } from './calendar.ts';

export const dimensions = [
  'agent',
  'sponsor',
  'workflow',
  'payee',
  'address',
  'category',
  'kind',
  'asset',
  'network',
  'host',
] as const;
export type Dimension = (typeof dimensions)[number];

const MS = { week: 604_800_000, day: 86_400_000, hour: 3_600_000, minute: 60_000, second: 1_000 } as const;
/** Ten years: a bound, so that a typing error is not a window for ever. */
const MAX_ROLLING_MS = 3_660 * MS.day;
const DURATION = /^P(?:(\d{1,4})W|(?:(\d{1,4})D)?(?:T(?=\d)(?:(\d{1,6})H)?(?:(\d{1,6})M)?(?:(\d{1,8})S)?)?)$/;

const MeterWindow = z.union([
  z.literal('lifetime'),
  z.strictObject({ calendar: z.enum(calendarUnits), tz: z.string().refine(isZone, 'is not an IANA time zone') }),
  z.strictObject({
    rolling: z.string().refine(isRolling, 'is not an ISO 8601 duration of weeks, days, hours, minutes or seconds'),
  }),
]);
export type Window = z.infer<typeof MeterWindow>;

export const MeterDeclaration = z.strictObject({
  by: z
    .array(z.enum(dimensions))
    .max(dimensions.length)
    .refine((by) => new Set(by).size === by.length, 'names a dimension twice'),
  window: MeterWindow,
  /** Which payments count. Without it: all but `top_up`, `refund` and `split`. */
  kinds: z.array(z.enum(paymentKinds)).min(1).optional(),
  /** What a refund gives back: to the window of the payment it refunds, to the window in which it arrives, or nothing. */
  refunds: z.enum(['restore', 'current', 'never']).default('never'),
});
export type MeterDeclaration = z.infer<typeof MeterDeclaration>;

export const MeterDeclarations = z
  .record(z.string().regex(/^[a-z][a-z0-9_]{0,39}$/), MeterDeclaration)
  .refine((meters) => Object.keys(meters).length <= 64, 'holds more than 64 meters');
export type MeterDeclarations = z.infer<typeof MeterDeclarations>;

/**
 * "PT1H" -> 3600000. Weeks, days, hours, minutes, seconds; a day is 24 hours. Months and years have no fixed length: use a
 * calendar window. Throws `policy_invalid`; zero and more than ten years are refused too.
 */
export function rollingMs(duration: string): number {
  const known = durations.get(duration);
  if (known !== undefined) return known;
  const match = DURATION.exec(duration);
  const part = (index: number): number => Number(match?.[index] ?? '0');
  const total = part(1) * MS.week + part(2) * MS.day + part(3) * MS.hour + part(4) * MS.minute + part(5) * MS.second;
  if (!match || total <= 0 || total > MAX_ROLLING_MS) {
    throw new BursarError('policy_invalid', {
      message: `"${duration.slice(0, 40)}" is not an ISO 8601 duration of weeks, days, hours, minutes or seconds, up to ten years.`,
    });
  }
  if (durations.size < MAX_DURATIONS) durations.set(duration, total);
  return total;
}

/** The gate asks for each meter of each payment. */
const durations = new Map<string, number>();
const MAX_DURATIONS = 1_000;

/** The first instant (epoch ms) that counts for a payment decided at `atMs`. Windows are [start, end). `lifetime` is 0. */
export function windowStart(window: Window, atMs: number): number {
  if (window === 'lifetime') return 0;
  if ('rolling' in window) return Math.max(0, atMs - rollingMs(window.rolling));
  return calendarStart(window.calendar, window.tz, atMs);
}

export function isRolling(text: string): boolean {
  try {
    return rollingMs(text) > 0;
  } catch {
    return false;
  }
}

export function isZone(zone: string): boolean {
  try {
    new Intl.DateTimeFormat('en-US', { timeZone: zone });
    return /^[A-Za-z]/.test(zone);
  } catch {
    return false;
  }
}
