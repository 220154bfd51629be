/** Since 1980 every transition of the tz database is at a quarter of an hour, so an offset is constant for that long. */
const QUARTER_MS = 900_000;
const QUARTERS_FROM_MS = Date.UTC(1980, 0, 1);
/** Longer than any jump of a zone's clock (Samoa skipped 24 hours in 2011), shorter than the time between two transitions. */
const AROUND_MS = 36 * 3_600_000;

/** Returns the zone's wall clock at an instant, as the epoch ms of the same date and time in UTC. */
export function wallClockMs(atMs: number, zone: string): number {
  return atMs + zoneOffsetMs(atMs, zone);
}

/**
 * Returns the instant at which the zone's wall clock shows this date and time (RFC 5545, 3.3.5). Of a time that is shown twice, the
 * first; a time that is skipped uses the offset before the gap, so 02:30 becomes 03:30.
 */
export function instantOfWallClock(wallMs: number, zone: string): number {
  const before = wallMs - zoneOffsetMs(wallMs - AROUND_MS, zone);
  const after = wallMs - zoneOffsetMs(wallMs + AROUND_MS, zone);
  const shown = [before, after].filter((instant) => wallClockMs(instant, zone) === wallMs);
  return shown.length > 0 ? Math.min(...shown) : before;
}

/** As {@link instantOfWallClock}, but the second of the two instants where the wall clock shows that time twice. */
export function lastInstantOfWallClock(wallMs: number, zone: string): number {
  const after = wallMs - zoneOffsetMs(wallMs + AROUND_MS, zone);
  return wallClockMs(after, zone) === wallMs ? after : instantOfWallClock(wallMs, zone);
}

/** Returns by how much the zone's clock jumps within a day and a half of that instant, in ms; 0 if it does not. */
export function jumpMsAround(atMs: number, zone: string): number {
  return Math.abs(zoneOffsetMs(atMs + AROUND_MS, zone) - zoneOffsetMs(atMs - AROUND_MS, zone));
}

type ZoneClock = { format: Intl.DateTimeFormat; quarter: number; offset: number };
const clocks = new Map<string, ZoneClock>();
const MAX_CLOCKS = 500;

/** Local time minus UTC, in ms. Takes epoch ms and an IANA zone. Throws RangeError for a zone that the platform does not know. */
export function zoneOffsetMs(atMs: number, zone: string): number {
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
