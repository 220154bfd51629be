import { type CalendarUnit, calendarStart } from '../../books/meters/calendar.ts';

/** From now until an instant, both epoch ms; the end is excluded. */
export type Horizon = { name: 'today' | 'month'; nowMs: number; endMs: number };

const HOUR_MS = 3_600_000;
const longestHours = { hour: 1, day: 24, week: 168, month: 744, year: 8_784 } as const satisfies Record<
  CalendarUnit,
  number
>;

/** Today and this month in the time zone. */
export function horizons(nowMs: number, zone: string): [today: Horizon, month: Horizon] {
  return [
    { name: 'today', nowMs, endMs: nextStart('day', zone, nowMs) },
    { name: 'month', nowMs, endMs: nextStart('month', zone, nowMs) },
  ];
}

/** The start of the window that follows the one with `atMs`. */
function nextStart(unit: CalendarUnit, zone: string, atMs: number): number {
  const start = calendarStart(unit, zone, atMs);
  if (unit === 'hour') return start + HOUR_MS;
  // An instant a little later than the longest such window (clock changes included) is in the next one.
  return calendarStart(unit, zone, start + (longestHours[unit] + 2) * HOUR_MS);
}

/** The number of calendar windows that begin after now and before the end. Bounded: a month of hours. */
export function startsWithin(unit: CalendarUnit, zone: string, { nowMs, endMs }: Horizon): number {
  let count = 0;
  for (let at = nextStart(unit, zone, nowMs); at < endMs && count < 10_000; at = nextStart(unit, zone, at)) count += 1;
  return count;
}
