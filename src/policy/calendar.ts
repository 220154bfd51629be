export const calendarUnits = ['hour', 'day', 'week', 'month', 'year'] as const;
export type CalendarUnit = (typeof calendarUnits)[number];

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** Since 1980 every transition of the tz database falls on a quarter of an hour, so an offset holds for one. */
const QUARTER_MS = 900_000;
const QUARTERS_FROM_MS = Date.UTC(1980, 0, 1);

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
  const local = new Date(atMs + offsetMs(atMs, zone));
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
  const localMs = atMs + offsetMs(atMs, zone);
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
  const before = localMidnightMs - offsetMs(localMidnightMs - DAY_MS, zone);
  const after = localMidnightMs - offsetMs(localMidnightMs + DAY_MS, zone);
  const shown = [before, after].filter((instant) => instant + offsetMs(instant, zone) === localMidnightMs);
  if (shown.length > 0) return Math.min(...shown);
  // Skipped (a DST gap at midnight, or Samoa's lost 30 December 2011): the clock passes it at one instant; find it.
  let low = Math.min(before, after) - DAY_MS;
  let high = Math.max(before, after) + DAY_MS;
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (middle + offsetMs(middle, zone) >= localMidnightMs) high = middle;
    else low = middle;
  }
  return high;
}

type ZoneClock = { format: Intl.DateTimeFormat; quarter: number; offset: number };
const clocks = new Map<string, ZoneClock>();
const MAX_CLOCKS = 500;

/** Local time minus UTC, in ms. */
function offsetMs(atMs: number, zone: string): number {
  if (zone === 'UTC') return 0;
  const clock = clockOf(zone);
  const quarter = atMs < QUARTERS_FROM_MS ? Number.NaN : Math.floor(atMs / QUARTER_MS);
  if (clock.quarter === quarter) return clock.offset;
  const part: Record<string, number> = {};
  for (const { type, value } of clock.format.formatToParts(atMs)) part[type] = Number(value);
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = part;
  const offset = Date.UTC(year, month - 1, day, hour, minute, second) - Math.floor(atMs / 1000) * 1000;
  clock.quarter = quarter;
  clock.offset = offset;
  return offset;
}

function clockOf(zone: string): ZoneClock {
  const known = clocks.get(zone);
  if (known) return known;
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone: zone,
    calendar: 'gregory',
    numberingSystem: 'latn',
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  });
  const clock = { format, quarter: Number.NaN, offset: 0 };
  if (clocks.size < MAX_CLOCKS) clocks.set(zone, clock);
  return clock;
}
