import { zoneOffsetMs } from '../../core/time/zone.ts';

export const calendarUnits = ['hour', 'day', 'week', 'month', 'year'] as const;
export type CalendarUnit = (typeof calendarUnits)[number];

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** `input.time`: an instant as a wall clock shows it in a zone. `weekday` is ISO: 1 is Monday. */
export type ZonedTime = {
  ms: number;
  year: number;
  month: number;
  day: number;
  weekday: number;
  hour: number;
  minute: number;
  zone: string;
};

/** Takes epoch ms and an IANA zone. Throws RangeError for a zone that the platform does not know. */
export function zonedTime(atMs: number, zone: string): ZonedTime {
  const local = new Date(atMs + zoneOffsetMs(atMs, zone));
  return {
    ms: atMs,
    year: local.getUTCFullYear(),
    month: local.getUTCMonth() + 1,
    day: local.getUTCDate(),
    weekday: ((local.getUTCDay() + 6) % 7) + 1,
    hour: local.getUTCHours(),
    minute: local.getUTCMinutes(),
    zone,
  };
}

/** The first instant of the hour, day, week (from Monday), month or year that holds `atMs` in the zone. */
export function calendarStart(unit: CalendarUnit, zone: string, atMs: number): number {
  const localMs = atMs + zoneOffsetMs(atMs, zone);
  // By elapsed time: where a clock shows an hour twice, the second is an hour of its own.
  if (unit === 'hour') return atMs - (((localMs % HOUR_MS) + HOUR_MS) % HOUR_MS);
  const local = new Date(localMs);
  const year = local.getUTCFullYear();
  const month = unit === 'year' ? 0 : local.getUTCMonth();
  const day = unit === 'day' || unit === 'week' ? local.getUTCDate() : 1;
  const back = unit === 'week' ? (local.getUTCDay() + 6) % 7 : 0;
  return firstInstantOf(Date.UTC(year, month, day - back), zone);
}

/** The earliest instant at which the zone's clock shows that midnight, or the end of the gap in which it was skipped. */
function firstInstantOf(localMidnightMs: number, zone: string): number {
  const before = localMidnightMs - zoneOffsetMs(localMidnightMs - DAY_MS, zone);
  const after = localMidnightMs - zoneOffsetMs(localMidnightMs + DAY_MS, zone);
  const shown = [before, after].filter((instant) => instant + zoneOffsetMs(instant, zone) === localMidnightMs);
  if (shown.length > 0) return Math.min(...shown);
  // Skipped (a DST gap at midnight, or Samoa's lost 30 December 2011): the clock passes it at one instant; find it.
  let low = Math.min(before, after) - DAY_MS;
  let high = Math.max(before, after) + DAY_MS;
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (middle + zoneOffsetMs(middle, zone) >= localMidnightMs) high = middle;
    else low = middle;
  }
  return high;
}
