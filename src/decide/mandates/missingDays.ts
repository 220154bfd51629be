import { type Cadence, startOf } from '../../core/time/cadence.ts';
import { parseRecurrenceRule } from '../../core/time/recurrenceRule.ts';
import { wallClockMs } from '../../core/time/zone.ts';

/** A rule for the 31st meets at most seven such months a year; the bound only ends rules with a long interval. */
const DAYS_MAX = 40;

/**
 * Days that the rule names but the calendar lacks, between two consecutive occurrences, such as `2027-02-30`. RFC 5545 skips them,
 * and the owner of the schedule should know. Only for rules by day of the month: weekdays always exist.
 */
export function missingDays(cadence: Cadence, fromMs: number, toMs: number): string[] {
  const { freq, interval, parts } = parseRecurrenceRule(cadence.rrule);
  if (freq !== 'MONTHLY' && freq !== 'YEARLY') return [];
  if (['BYDAY', 'BYWEEKNO', 'BYYEARDAY', 'BYSETPOS'].some((name) => parts.has(name))) return [];
  const start = new Date(wallClockMs(startOf(cadence), cadence.zone));
  const days = numbersOf(parts.get('BYMONTHDAY')) ?? [start.getUTCDate()];
  const byMonth = numbersOf(parts.get('BYMONTH'));
  // By RFC 5545 a yearly rule with only BYMONTHDAY has that day in every month.
  const yearly = byMonth ?? (parts.has('BYMONTHDAY') ? null : [start.getUTCMonth() + 1]);
  const firstMonth = monthNumber(start);
  const isNamed = (month: number): boolean => {
    const months = freq === 'YEARLY' ? yearly : byMonth;
    const periods = freq === 'YEARLY' ? Math.floor(month / 12) - Math.floor(firstMonth / 12) : month - firstMonth;
    return periods % interval === 0 && (months === null || months.includes((month % 12) + 1));
  };
  const [from, to] = [fromMs, toMs].map((ms) => monthNumber(new Date(wallClockMs(ms, cadence.zone))));
  const missing: string[] = [];
  for (let month = from ?? 0; month <= (to ?? 0) && missing.length < DAYS_MAX; month += 1) {
    if (!isNamed(month)) continue;
    const length = new Date(Date.UTC(Math.floor(month / 12), (month % 12) + 1, 0)).getUTCDate();
    // A day after the end sorts after all days of its month, one counted back before the first sorts before them.
    const absent = days.filter((day) => (day > length && month !== to) || (-day > length && month !== from));
    missing.push(...absent.map((day) => nameOf(month, day)));
  }
  return missing;
}

const monthNumber = (date: Date): number => date.getUTCFullYear() * 12 + date.getUTCMonth();
const numbersOf = (list: string | undefined): number[] | null => list?.split(',').map(Number) ?? null;

function nameOf(month: number, day: number): string {
  const yearMonth = `${Math.floor(month / 12)}-${String((month % 12) + 1).padStart(2, '0')}`;
  return day > 0 ? `${yearMonth}-${day}` : `${yearMonth}, ${-day} days from its end`;
}
