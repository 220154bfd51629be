import { RRuleTemporal } from 'rrule-temporal';
import { BursarError } from '../errors/base.ts';

/** How often at most; finer ones are a velocity limit's work, not a schedule's. */
const FREQUENCIES = /^(RRULE:)?FREQ=(HOURLY|DAILY|WEEKLY|MONTHLY|YEARLY)(;|$)/;
const RULE_MAX = 200;
/** Steps from one occurrence to the next, and occurrences that a COUNT has: an agent's rule must not keep everybody waiting. */
const STEPS_MAX = 1_000;

/** When something recurs: an RFC 5545 rule, the zone of its wall clock, and its first instant (epoch ms). */
export type Cadence = { rrule: string; zone: string; startsAtMs: number };

/** Throws `invalid_request` for a rule that is not RFC 5545, is finer than hourly, or never happens. */
export function checkCadence(cadence: Cadence): void {
  if (cadence.rrule.length > RULE_MAX || !FREQUENCIES.test(cadence.rrule)) {
    throw invalid('A cadence is an RFC 5545 rule that starts with FREQ=HOURLY, DAILY, WEEKLY, MONTHLY or YEARLY.');
  }
  if (/^(RRULE:)?FREQ=HOURLY\b.*;BY(MONTH|MONTHDAY|YEARDAY|WEEKNO|SETPOS)=/.test(cadence.rrule)) {
    throw invalid(
      'What happens in certain months, weeks or days of a month is not FREQ=HOURLY; write FREQ=DAILY with BYHOUR.',
    );
  }
  if (Number(/(?:^|;)COUNT=(\d+)/i.exec(cadence.rrule)?.[1] ?? 0) > STEPS_MAX) {
    throw invalid(`A cadence counts to ${STEPS_MAX} at most.`);
  }
  try {
    if (nextOccurrence(cadence, cadence.startsAtMs - 1) === null) throw invalid('The cadence never happens.');
    // The library drops a part whose values are out of range; what people sign must be what runs.
    const kept = ruleOf(cadence).toString();
    const dropped = partsOf(cadence.rrule).filter((name) => !kept.includes(`${name}=`));
    if (dropped.length > 0) throw invalid(`The cadence has a part without a possible value: ${dropped.join(', ')}.`);
  } catch (error) {
    if (error instanceof BursarError) throw error;
    throw invalid(`The cadence is not an RFC 5545 rule: ${error instanceof Error ? error.message : 'unreadable'}.`);
  }
}

/** The first occurrence after that instant, or null when there is none any more. By the zone's wall clock, DST or not. */
export function nextOccurrence(cadence: Cadence, afterMs: number): number | null {
  return ruleOf(cadence).next(new Date(afterMs), false)?.epochMilliseconds ?? null;
}

/** The last occurrence at or before that instant, or null before the first, and where the rule cannot be followed: then none is due. */
export function lastOccurrence(cadence: Cadence, atMs: number): number | null {
  try {
    return ruleOf(cadence).previous(new Date(atMs), true)?.epochMilliseconds ?? null;
  } catch {
    return null;
  }
}

function partsOf(rrule: string): string[] {
  return rrule
    .replace(/^RRULE:/, '')
    .split(';')
    .map((part) => part.split('=')[0] ?? '')
    .filter((name) => name !== '' && name !== 'INTERVAL' && name !== 'WKST');
}

const rules = new Map<string, RRuleTemporal>();
const RULES_KEPT = 1_000;

function ruleOf({ rrule, zone, startsAtMs }: Cadence): RRuleTemporal {
  const key = `${zone} ${startsAtMs} ${rrule}`;
  let rule = rules.get(key);
  if (!rule) {
    if (rules.size >= RULES_KEPT) rules.clear();
    rule = new RRuleTemporal({
      strict: true,
      maxIterations: STEPS_MAX,
      maxCandidateEvaluations: 10 * STEPS_MAX,
      rruleString: `DTSTART;TZID=${zone}:${localText(startsAtMs, zone)}\nRRULE:${rrule.replace(/^RRULE:/, '')}`,
    });
    rules.set(key, rule);
  }
  return rule;
}

/** `20261101T090000`: the instant on the zone's wall clock, as DTSTART wants it. */
function localText(ms: number, zone: string): string {
  const parts: Record<string, string> = {};
  const format = new Intl.DateTimeFormat('en-CA', {
    timeZone: zone,
    hourCycle: 'h23',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
  });
  for (const { type, value } of format.formatToParts(ms)) parts[type] = value;
  return `${parts.year}${parts.month}${parts.day}T${parts.hour}${parts.minute}${parts.second}`;
}

const invalid = (message: string): BursarError => new BursarError('invalid_request', { message });
