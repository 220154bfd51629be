import { BursarError } from '../errors/base.ts';

export const frequencies = ['HOURLY', 'DAILY', 'WEEKLY', 'MONTHLY', 'YEARLY'] as const;
type Frequency = (typeof frequencies)[number];

/** One RRULE of RFC 5545, 3.3.10, read once. What was not written is absent; lists keep their order. */
export type RecurrenceRule = {
  freq: Frequency;
  interval: number;
  count: number | null;
  /** Last instant (`Z`) or last moment of the zone's wall clock, in epoch ms of its figures. */
  until: { ms: number; isUtc: boolean } | null;
  /** All other parts by name, as they were written and checked. */
  parts: ReadonlyMap<string, string>;
};

const RULE_MAX_CHARACTERS = 200;
const COUNT_MAX = 1_000;
const INTERVAL_MAX = 1_000;
const WEEKDAY = '(?:MO|TU|WE|TH|FR|SA|SU)';

type Check = (text: string, freq: Frequency) => string | null;

/** Integers from `min` to `max`, each once; with `signed` also their negatives. Zero only where `min` says so. */
const integers =
  (min: number, max: number, signed = false, most = 400): Check =>
  (text) => {
    const items = text.split(',');
    if (items.length > most) return `has more than ${most} ${most === 1 ? 'value' : 'values'}`;
    const values = items.map((item) => (/^[+-]?\d{1,3}$/.test(item) ? Number(item) : Number.NaN));
    const fits = values.every((value) => {
      const size = signed ? Math.abs(value) : value;
      return size >= min && size <= max;
    });
    if (!fits) return `takes whole numbers from ${min} to ${max}${signed ? ', or the same with a minus sign' : ''}`;
    return new Set(values).size === values.length ? null : 'has a value twice';
  };

const weekdays: Check = (text, freq) => {
  const items = text.split(',');
  if (!items.every((item) => new RegExp(`^(?:[+-]?[1-9]\\d?)?${WEEKDAY}$`).test(item))) {
    return 'takes MO, TU, WE, TH, FR, SA or SU, with a number before it in a month or a year';
  }
  const numbers = items.map((item) => Math.abs(Number(item.slice(0, -2) || 0)));
  const most = freq === 'YEARLY' ? 53 : freq === 'MONTHLY' ? 5 : 0;
  if (numbers.some((number) => number > most)) return `takes no number above ${most} with FREQ=${freq}`;
  return new Set(items).size === items.length ? null : 'has a value twice';
};

/** The parts beside FREQ, INTERVAL, COUNT and UNTIL, and the frequencies with which RFC 5545 gives them a meaning. */
const known: Record<string, { check: Check; with: readonly Frequency[] }> = {
  BYMONTH: { check: integers(1, 12), with: ['DAILY', 'WEEKLY', 'MONTHLY', 'YEARLY'] },
  BYWEEKNO: { check: integers(1, 53, true), with: ['YEARLY'] },
  BYYEARDAY: { check: integers(1, 366, true), with: ['YEARLY'] },
  BYMONTHDAY: { check: integers(1, 31, true), with: ['DAILY', 'MONTHLY', 'YEARLY'] },
  BYDAY: { check: weekdays, with: frequencies },
  BYHOUR: { check: integers(0, 23), with: frequencies },
  // One value: a list would make a rule finer than hourly.
  BYMINUTE: { check: integers(0, 59, false, 1), with: frequencies },
  BYSECOND: { check: integers(0, 59, false, 1), with: frequencies },
  BYSETPOS: { check: integers(1, 366, true), with: ['DAILY', 'WEEKLY', 'MONTHLY', 'YEARLY'] },
  WKST: { check: (text) => (new RegExp(`^${WEEKDAY}$`).test(text) ? null : 'takes one weekday'), with: frequencies },
};

/**
 * Reads one RRULE: known parts, each once, in capitals, `RRULE:` before it or not. Throws `invalid_request` for anything else: what
 * people sign must be what runs, so nothing is ignored, corrected or read a second time by another parser.
 */
export function parseRecurrenceRule(text: string): RecurrenceRule {
  if (text.length > RULE_MAX_CHARACTERS) throw invalid(`is longer than ${RULE_MAX_CHARACTERS} characters`);
  const given = new Map<string, string>();
  for (const part of text.replace(/^RRULE:/, '').split(';')) {
    const [, name, value] = /^([A-Z]+)=([A-Z0-9,+-]+)$/.exec(part) ?? [];
    if (name === undefined || value === undefined) throw invalid(`has a part that is not NAME=VALUE: "${part}"`);
    if (given.has(name)) throw invalid(`has ${name} twice`);
    given.set(name, value);
  }
  const freq = frequencies.find((each) => each === given.get('FREQ'));
  if (freq === undefined) throw invalid(`needs FREQ=${frequencies.join(', ')}`);
  const interval = number(given, 'INTERVAL', INTERVAL_MAX) ?? 1;
  const count = number(given, 'COUNT', COUNT_MAX);
  const until = untilOf(given.get('UNTIL'));
  if (count !== null && until !== null) throw invalid('has COUNT and UNTIL; RFC 5545 allows one of them');
  const parts = new Map([...given].filter(([name]) => !['FREQ', 'INTERVAL', 'COUNT', 'UNTIL'].includes(name)));
  for (const [name, value] of parts) {
    const rule = Object.hasOwn(known, name) ? known[name] : undefined;
    if (!rule) throw invalid(`has ${name}, which is not a part of a rule`);
    if (!rule.with.includes(freq)) throw invalid(`cannot have ${name} with FREQ=${freq}`);
    const wrong = rule.check(value, freq);
    if (wrong !== null) throw invalid(`is wrong at ${name}: it ${wrong}`);
  }
  refuseCombinations(parts);
  return { freq, interval, count, until, parts };
}

/** The rule as text for the library: made from what was read, so that there is one reading only. Without UNTIL (see cadence.ts). */
export function formatRecurrenceRule({ freq, interval, count, parts }: RecurrenceRule): string {
  const all = [['FREQ', freq], ['INTERVAL', interval], ...(count === null ? [] : [['COUNT', count]]), ...parts];
  return all.map(([name, value]) => `${name}=${value}`).join(';');
}

/** RFC 5545, 3.3.10: a numbered weekday has no meaning inside a week number, and BYSETPOS chooses from another BY part. */
function refuseCombinations(parts: ReadonlyMap<string, string>): void {
  if (parts.has('BYWEEKNO') && /\d/.test(parts.get('BYDAY') ?? '')) {
    throw invalid('cannot have a numbered weekday in BYDAY with BYWEEKNO');
  }
  const others = [...parts.keys()].filter((name) => name.startsWith('BY') && name !== 'BYSETPOS');
  if (parts.has('BYSETPOS') && others.length === 0) throw invalid('has BYSETPOS without another BY part');
}

function number(given: ReadonlyMap<string, string>, name: string, max: number): number | null {
  const text = given.get(name);
  if (text === undefined) return null;
  const value = /^\d{1,4}$/.test(text) ? Number(text) : 0;
  if (value < 1 || value > max) throw invalid(`takes ${name} from 1 to ${max}`);
  return value;
}

/** `20271231T235959Z`, the same without Z (the zone's wall clock), or `20271231` (that whole day). */
function untilOf(text: string | undefined): RecurrenceRule['until'] {
  if (text === undefined) return null;
  const [, year, month, day, time] = /^(\d{4})(\d\d)(\d\d)(T\d{6}Z?)?$/.exec(text) ?? [];
  const [, hour, minute, second] = /^T(\d\d)(\d\d)(\d\d)Z?$/.exec(time ?? 'T235959') ?? [];
  const iso = `${year}-${month}-${day}T${hour}:${minute}:${second}.000Z`;
  const ms = Date.parse(iso);
  // Date.parse rolls 31 April over into May on some platforms; the text must come back as it was.
  if (year === undefined || Number.isNaN(ms) || new Date(ms).toISOString() !== iso) {
    throw invalid('takes UNTIL as 20271231T235959Z, or as 20271231');
  }
  return { ms, isUtc: text.endsWith('Z') };
}

function invalid(what: string): BursarError {
  return new BursarError('invalid_request', {
    message: `The recurrence rule ${what}. Write one RRULE of RFC 5545, such as FREQ=MONTHLY;BYMONTHDAY=1.`,
  });
}
