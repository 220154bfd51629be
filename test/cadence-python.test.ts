import { describe, expect, it } from 'vitest';
import { nextOccurrence } from '../src/core/time/cadence.ts';
import { pythonWith, runPython } from './support/python.ts';

/** Our reading of recurrence rules against python-dateutil and recurring_ical_events, which read them by themselves. */
const zones = [
  'UTC',
  'Europe/Berlin',
  'Europe/London',
  'Europe/Dublin',
  'America/New_York',
  'America/Los_Angeles',
  'America/St_Johns',
  'America/Sao_Paulo',
  'America/Havana',
  'America/Santiago',
  'Asia/Kolkata',
  'Asia/Kathmandu',
  'Asia/Tokyo',
  'Asia/Tehran',
  'Asia/Jerusalem',
  'Australia/Sydney',
  'Australia/Lord_Howe',
  'Pacific/Auckland',
  'Pacific/Chatham',
  'Pacific/Apia',
];
type Case = { rrule: string; zone: string; start: number; to: number; reader: 'dateutil' | 'ical' };

const seconds = (text: string): number => Date.parse(text) / 1000;
const rare = [
  'FREQ=MONTHLY;INTERVAL=5;BYMONTHDAY=31',
  'FREQ=MONTHLY;INTERVAL=7;BYMONTHDAY=-1',
  'FREQ=MONTHLY;BYMONTHDAY=29,30;INTERVAL=5',
  'FREQ=MONTHLY;INTERVAL=9;BYDAY=-1FR',
  'FREQ=MONTHLY;INTERVAL=11;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1',
  'FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29',
  'FREQ=YEARLY;BYYEARDAY=366,-366',
  'FREQ=YEARLY;INTERVAL=4;BYMONTHDAY=31',
  'FREQ=YEARLY;INTERVAL=3;BYMONTH=3,10;BYDAY=-1SU;BYHOUR=2;BYMINUTE=30',
  'FREQ=WEEKLY;INTERVAL=51;BYDAY=SU,SA;BYHOUR=2;BYMINUTE=15;WKST=SU',
  'FREQ=YEARLY;BYWEEKNO=53;BYDAY=MO',
];
const often = [
  'FREQ=DAILY;BYHOUR=2;BYMINUTE=30',
  'FREQ=DAILY;INTERVAL=2',
  'FREQ=HOURLY',
  'FREQ=HOURLY;INTERVAL=5',
  'FREQ=HOURLY;BYHOUR=0,1,2,3;BYMINUTE=30',
];

/** 50 years of what is rare, and the days around each change of a clock for what is daily or hourly. */
const cases: Case[] = zones.flatMap((zone) => [
  ...rare.map((rrule) => made(rrule, zone, '2000-01-31T00:30:15Z', '2049-12-31T00:00:00Z')),
  ...often.flatMap((rrule) => transitions(zone).map((at) => made(rrule, zone, at - 8 * 3600, at + 32 * 3600))),
]);

function made(rrule: string, zone: string, start: string | number, to: string | number): Case {
  const at = (time: string | number): number => (typeof time === 'number' ? time : seconds(time));
  return { rrule, zone, start: at(start), to: at(to), reader: 'dateutil' };
}

/** Days (the half hour past midnight UTC) of 2011 (Samoa skipped one) and 2028 on which the zone's clock changes. */
function transitions(zone: string): number[] {
  const format = new Intl.DateTimeFormat('en-US', { timeZone: zone, timeZoneName: 'longOffset' });
  const offset = (at: number): string =>
    format
      .format(at * 1000)
      .split(' ')
      .at(-1) ?? '';
  const days = ['2011-01-01T00:20:00Z', '2028-01-01T00:20:00Z'].flatMap((from) =>
    Array.from({ length: 366 }, (_, day) => seconds(from) + day * 86_400),
  );
  return days.filter((at) => offset(at) !== offset(at + 86_400));
}

function ours({ rrule, zone, start, to }: Case): number[] {
  const found: number[] = [];
  const cadence = { rrule, zone, startsAtMs: start * 1000 };
  let at = nextOccurrence(cadence, start * 1000 - 1);
  while (at !== null && at <= to * 1000) {
    found.push(at / 1000);
    at = nextOccurrence(cadence, at);
  }
  return found;
}

describe('occurrences over 20 zones and 50 years', () => {
  it('are those of python-dateutil and of recurring_ical_events', async () => {
    const python = await pythonWith(
      'python-dateutil==2.9.0.post0',
      'icalendar==6.3.1',
      'recurring-ical-events==3.8.0',
      'tzdata',
    );
    // The second reader takes DTSTART as an occurrence also where the rule does not name it; those cases are left to the first.
    const daily = cases.filter(({ rrule }) => rrule === 'FREQ=DAILY;INTERVAL=2' || rrule === 'FREQ=HOURLY');
    const all = [...cases, ...daily.map((each): Case => ({ ...each, reader: 'ical' }))];
    const theirs = (await runPython(python, 'recurrence.py', { cases: all })) as number[][];
    const iso = (list: readonly number[]): string[] => list.map((at) => new Date(at * 1000).toISOString());
    const wrong = all.flatMap((each, index) => {
      const [mine, other] = [iso(ours(each)), iso(theirs[index] ?? [])];
      const differ = [...mine.filter((at) => !other.includes(at)), ...other.filter((at) => !mine.includes(at))];
      return differ.length === 0 ? [] : [{ ...each, differ: differ.slice(0, 6) }];
    });
    expect(wrong.slice(0, 10)).toEqual([]);
    expect(theirs.reduce((sum, list) => sum + list.length, 0)).toBeGreaterThan(10_000);
  });
});
