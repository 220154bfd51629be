import { RRuleTemporal } from 'rrule-temporal';
import { BursarError } from '../errors/base.ts';
import { formatRecurrenceRule, parseRecurrenceRule, type RecurrenceRule } from './recurrenceRule.ts';
import { instantOfWallClock, jumpMsAround, lastInstantOfWallClock, wallClockMs } from './zone.ts';

/** Bounds the search for the next occurrence: one rule must not keep other requests waiting. */
const STEPS_MAX = 1_000;

/** When something recurs: an RFC 5545 rule, the zone of its wall clock, and its first instant (epoch ms, counted by whole seconds). */
export type Cadence = { rrule: string; zone: string; startsAtMs: number };

/** Throws `invalid_request` for a rule that is not one RRULE of known parts, is finer than hourly, or never happens. */
export function checkCadence(cadence: Cadence): void {
  parseRecurrenceRule(cadence.rrule);
  try {
    if (nextOccurrence(cadence, startOf(cadence) - 1) !== null) return;
  } catch (error) {
    throw invalid(`The cadence cannot be followed: ${error instanceof Error ? error.message : 'unreadable'}.`);
  }
  throw invalid('The cadence never happens.');
}

/**
 * The first occurrence after that instant, or null when there is none any more.
 *
 * One rule for all frequencies and zones (RFC 5545): occurrences are computed on the zone's wall clock. A day that a month does
 * not have is skipped (3.3.10). A time that the clock skips is taken with the offset before the gap, one that it shows twice is the
 * first of the two (3.3.5), and two wall-clock times of one instant are one occurrence.
 */
export function nextOccurrence(cadence: Cadence, afterMs: number): number | null {
  const series = seriesOf(cadence);
  const { zone } = cadence;
  // Where the clock jumps, the order of wall-clock times may differ from the order of instants: all within the jump are compared.
  let best: number | null = null;
  let bound = Number.POSITIVE_INFINITY;
  for (let from = wallClockMs(afterMs, zone) - jumpMsAround(afterMs, zone); ; ) {
    const wall = series.rule.next(new Date(from), false)?.epochMilliseconds;
    if (wall === undefined || wall > bound) break;
    const instant = series.instantOf(wall);
    if (instant > afterMs && (best === null || instant < best)) {
      best = instant;
      bound = wall + jumpMsAround(instant, zone);
    }
    from = wall;
  }
  return best !== null && best <= series.untilMs ? best : null;
}

/** The last occurrence at or before that instant, or null before the first, and where the rule cannot be followed: then none is due. */
export function lastOccurrence(cadence: Cadence, atMs: number): number | null {
  try {
    return lastOf(cadence, atMs);
  } catch {
    return null;
  }
}

function lastOf(cadence: Cadence, atMs: number): number | null {
  const series = seriesOf(cadence);
  const { zone } = cadence;
  const latest = Math.min(atMs, series.untilMs);
  let best: number | null = null;
  let bound = Number.NEGATIVE_INFINITY;
  for (let from = wallClockMs(latest, zone) + jumpMsAround(latest, zone), isFirst = true; ; isFirst = false) {
    const wall = series.rule.previous(new Date(from), isFirst)?.epochMilliseconds;
    if (wall === undefined || wall < bound) break;
    const instant = series.instantOf(wall);
    if (instant <= latest && (best === null || instant > best)) {
      best = instant;
      bound = wall - jumpMsAround(instant, zone);
    }
    from = wall;
  }
  return best;
}

/** The rule on the wall clock, and how to get from there to an instant. */
type Series = { rule: RRuleTemporal; instantOf(wallMs: number): number; untilMs: number };
const known = new Map<string, Series>();
const SERIES_KEPT = 1_000;

function seriesOf(cadence: Cadence): Series {
  const { rrule, zone } = cadence;
  const startMs = startOf(cadence);
  const key = `${zone} ${startMs} ${rrule}`;
  let series = known.get(key);
  if (!series) {
    if (known.size >= SERIES_KEPT) known.clear();
    series = newSeries(parseRecurrenceRule(rrule), zone, startMs);
    known.set(key, series);
  }
  return series;
}

/** The library computes in UTC, on figures of the wall clock; gaps and folds are decided here alone. */
function newSeries(parsed: RecurrenceRule, zone: string, startMs: number): Series {
  const startWall = wallClockMs(startMs, zone);
  const dtstart = new Date(startWall).toISOString().replaceAll(/[-:]|\.\d+/g, '');
  const rule = new RRuleTemporal({
    strict: true,
    maxIterations: STEPS_MAX,
    maxCandidateEvaluations: 10 * STEPS_MAX,
    rruleString: `DTSTART:${dtstart}\nRRULE:${formatRecurrenceRule(parsed)}`,
  });
  const { until } = parsed;
  const untilMs =
    until === null ? Number.POSITIVE_INFINITY : until.isUtc ? until.ms : lastInstantOfWallClock(until.ms, zone);
  // The start itself is an instant: it may be the second of two equal wall-clock times.
  const instantOf = (wallMs: number): number => (wallMs === startWall ? startMs : instantOfWallClock(wallMs, zone));
  return { rule, instantOf, untilMs };
}

/** RFC 5545 counts by whole seconds: what starts within one starts with it. */
export function startOf({ startsAtMs }: Cadence): number {
  return Math.floor(startsAtMs / 1000) * 1000;
}

const invalid = (message: string): BursarError => new BursarError('invalid_request', { message });
