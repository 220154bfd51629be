import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { missingDays } from '../../decide/mandates/missingDays.ts';
import { checkCadence, lastOccurrence, nextOccurrence } from './cadence.ts';

const berlin = { rrule: 'FREQ=MONTHLY;BYMONTHDAY=1', zone: 'Europe/Berlin', startsAtMs: Date.UTC(2026, 0, 1, 8) };

describe('a cadence', () => {
  it('happens at nine in Berlin on the first of each month, summer and winter', () => {
    expect(nextOccurrence(berlin, Date.UTC(2026, 5, 15))).toBe(Date.UTC(2026, 6, 1, 7));
    expect(nextOccurrence(berlin, Date.UTC(2026, 10, 15))).toBe(Date.UTC(2026, 11, 1, 8));
  });

  it('knows the occurrence that an instant belongs to', () => {
    expect(lastOccurrence(berlin, Date.UTC(2026, 6, 1, 7))).toBe(Date.UTC(2026, 6, 1, 7));
    expect(lastOccurrence(berlin, Date.UTC(2026, 6, 1, 7) - 1)).toBe(Date.UTC(2026, 5, 1, 7));
    expect(lastOccurrence(berlin, berlin.startsAtMs - 1)).toBeNull();
  });

  it('ends when its rule says so', () => {
    const twice = { ...berlin, rrule: 'FREQ=MONTHLY;COUNT=2' };
    expect(nextOccurrence(twice, berlin.startsAtMs)).not.toBeNull();
    expect(nextOccurrence(twice, Date.UTC(2026, 1, 2))).toBeNull();
  });

  it.each([
    'FREQ=SECONDLY',
    'every month',
    '',
    'FREQ=MONTHLY;BYMONTHDAY=99',
    `FREQ=DAILY;${'X'.repeat(300)}`,
    'FREQ=YEARLY;UNTIL=20200101T000000Z',
    // Each of these kept the process busy for seconds.
    'FREQ=HOURLY;BYMONTH=2;BYMONTHDAY=30',
    'FREQ=HOURLY;BYHOUR=9;BYYEARDAY=366;BYMONTH=1',
    'FREQ=WEEKLY;BYDAY=MO;BYSETPOS=5',
    'FREQ=HOURLY;COUNT=1000000',
    'RRULE:FREQ=DAILY;COUNT=1001',
    // Two readings of one text: the check read the first part, the library the last.
    'FREQ=YEARLY;FREQ=SECONDLY',
    'FREQ=YEARLY;INTERVAL=1;INTERVAL=500',
    'FREQ=DAILY;COUNT=1;COUNT=900',
    'FREQ=DAILY;BYHOUR=9;BYHOUR=9,10',
    'RRULE:RRULE:FREQ=DAILY',
    'FREQ=DAILY\nRRULE:FREQ=SECONDLY',
    'FREQ=DAILY\r\nRDATE:20270101T000000Z',
    'FREQ=DAILY;EXDATE=20270101T000000Z',
    'FREQ=DAILY;DTSTART=20270101T000000Z',
    'FREQ=DAILY;X-EXTRA=1',
    'FREQ=DAILY;__proto__=1',
    'FREQ=DAILY;constructor=1',
    'freq=daily',
    'FREQ=DAILY;freq=SECONDLY',
    'FREQ=DAILY;',
    ';FREQ=DAILY',
    'FREQ=DAILY; BYHOUR=9',
    'FREQ=DAILY;INTERVAL=0',
    'FREQ=DAILY;INTERVAL=-1',
    'FREQ=DAILY;INTERVAL=1.5',
    'FREQ=DAILY;COUNT=0',
    'FREQ=DAILY;COUNT=3;UNTIL=20300101T000000Z',
    'FREQ=DAILY;UNTIL=20270231T000000Z',
    'FREQ=DAILY;UNTIL=2027',
    'FREQ=DAILY;BYHOUR=24',
    'FREQ=DAILY;BYHOUR=9,9',
    'FREQ=HOURLY;BYMINUTE=0,30',
    'FREQ=DAILY;BYSECOND=0,1,2',
    'FREQ=MINUTELY',
    'FREQ=WEEKLY;BYMONTHDAY=1',
    'FREQ=WEEKLY;BYDAY=1MO',
    'FREQ=MONTHLY;BYDAY=6MO',
    'FREQ=MONTHLY;BYSETPOS=1',
    'FREQ=MONTHLY;BYWEEKNO=1',
    'FREQ=YEARLY;BYWEEKNO=1;BYDAY=1MO',
    'FREQ=YEARLY;BYMONTH=13',
    'FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30',
    'RSCALE=HEBREW;FREQ=YEARLY',
    'FREQ=DAILY;SKIP=FORWARD',
  ])('is refused as %j', (rrule) => {
    expect(() => checkCadence({ ...berlin, rrule })).toThrow(expect.objectContaining({ code: 'invalid_request' }));
  });

  it.each([
    ['with milliseconds', Date.UTC(2026, 10, 27, 9, 0, 0, 123)],
    ['in the last millisecond of a second', Date.UTC(2026, 10, 27, 9, 0, 0, 999)],
    ['on the second', Date.UTC(2026, 10, 27, 9)],
  ])('that starts %s has its first occurrence in that second, also as its only one', (_what, startsAtMs) => {
    const once = { rrule: 'FREQ=DAILY;COUNT=1', zone: 'Europe/Berlin', startsAtMs };
    expect(() => checkCadence(once)).not.toThrow();
    expect(nextOccurrence(once, Date.UTC(2026, 10, 27, 9) - 1)).toBe(Date.UTC(2026, 10, 27, 9));
    expect(lastOccurrence(once, startsAtMs)).toBe(Date.UTC(2026, 10, 27, 9));
    expect(nextOccurrence(once, startsAtMs)).toBeNull();
  });

  it.each([
    ['in a gap takes the offset before it', 'Europe/Berlin', '2027-03-27T12:00:00Z', '2027-03-28T01:30:00Z'],
    ['that comes twice is the first', 'Europe/Berlin', '2027-10-30T12:00:00Z', '2027-10-31T00:30:00Z'],
    ['right behind a gap of half an hour', 'Australia/Lord_Howe', '2027-10-02T00:00:00Z', '2027-10-02T15:30:00Z'],
    ['on a day that the zone skipped', 'Pacific/Apia', '2011-12-30T00:00:00Z', '2011-12-30T12:30:00Z'],
  ])('at a time %s', (_what, zone, after, expected) => {
    const cadence = { rrule: 'FREQ=DAILY;BYHOUR=2;BYMINUTE=30', zone, startsAtMs: Date.UTC(2011, 0, 1) };
    expect(nextOccurrence(cadence, Date.parse(after))).toBe(Date.parse(expected));
    expect(lastOccurrence(cadence, Date.parse(expected))).toBe(Date.parse(expected));
  });

  it('is hourly on the wall clock of every zone: one occurrence where an hour is skipped, one where it comes twice', () => {
    const hourly = { rrule: 'FREQ=HOURLY', zone: 'America/New_York', startsAtMs: Date.UTC(2027, 0, 1) };
    const day = (from: number, hours: number): number[] => {
      const found: number[] = [];
      for (let at = nextOccurrence(hourly, from - 1); at !== null && at < from + hours * 3_600_000; ) {
        found.push(at);
        at = nextOccurrence(hourly, at);
      }
      return found;
    };
    expect(day(Date.UTC(2027, 2, 14, 5), 23)).toHaveLength(23);
    expect(day(Date.UTC(2027, 10, 7, 4), 25)).toHaveLength(24);
  });

  it.each([
    ['FREQ=DAILY;UNTIL=20260103T080000Z', 3],
    ['FREQ=DAILY;UNTIL=20260103T075959Z', 2],
    ['FREQ=DAILY;UNTIL=20260103', 3],
    ['FREQ=DAILY;UNTIL=20260103T090000', 3],
    ['FREQ=DAILY;UNTIL=20260103T085959', 2],
  ])('ends with %s after %i', (rrule, count) => {
    let found = 0;
    for (let at = nextOccurrence({ ...berlin, rrule }, 0); at !== null; found += 1) {
      at = nextOccurrence({ ...berlin, rrule }, at);
    }
    expect(found).toBe(count);
    expect(lastOccurrence({ ...berlin, rrule }, Date.UTC(2030, 0, 1))).toBe(Date.UTC(2026, 0, count, 8));
  });

  it('comes back from the last occurrence to the next in every zone, at any instant', () => {
    const zones = ['UTC', 'Europe/Berlin', 'Australia/Lord_Howe', 'Pacific/Apia', 'America/Havana'];
    const rules = ['FREQ=HOURLY', 'FREQ=DAILY;BYHOUR=0,2;BYMINUTE=30', 'FREQ=MONTHLY;BYMONTHDAY=31', 'FREQ=WEEKLY'];
    const instant = fc.integer({ min: Date.UTC(2011, 1), max: Date.UTC(2030, 0) });
    fc.assert(
      fc.property(instant, fc.constantFrom(...zones), fc.constantFrom(...rules), (atMs, zone, rrule) => {
        const cadence = { rrule, zone, startsAtMs: Date.UTC(2011, 0, 1) };
        const last = lastOccurrence(cadence, atMs);
        const next = nextOccurrence(cadence, atMs);
        expect(last === null || last <= atMs).toBe(true);
        expect(next).toBeGreaterThan(atMs);
        expect(lastOccurrence(cadence, next ?? 0)).toBe(next);
        if (last !== null) expect(nextOccurrence(cadence, last)).toBe(next);
      }),
      { numRuns: 60 },
    );
  });
});

describe('days that a month does not have', () => {
  const from = (text: string): number => Date.parse(`${text}T09:00:00Z`);
  it.each([
    ['FREQ=MONTHLY;BYMONTHDAY=31', '2027-01-31', '2027-03-31', ['2027-02-31']],
    ['FREQ=MONTHLY;BYMONTHDAY=1,30', '2027-02-01', '2027-03-01', ['2027-02-30']],
    ['FREQ=MONTHLY;BYMONTHDAY=1,30', '2027-01-30', '2027-02-01', []],
    ['FREQ=MONTHLY;BYMONTHDAY=-1', '2027-01-31', '2027-02-28', []],
    ['FREQ=MONTHLY;BYMONTHDAY=-31', '2027-01-01', '2027-03-01', ['2027-02, 31 days from its end']],
    ['FREQ=MONTHLY', '2027-01-31', '2027-03-31', ['2027-02-31']],
    ['FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29', '2024-02-29', '2028-02-29', ['2025-02-29', '2026-02-29', '2027-02-29']],
    ['FREQ=MONTHLY;INTERVAL=2;BYMONTHDAY=31', '2027-03-31', '2027-05-31', []],
    ['FREQ=MONTHLY;BYDAY=-1FR', '2027-01-29', '2027-02-26', []],
    ['FREQ=DAILY', '2027-02-28', '2027-03-01', []],
  ])('by %s between %s and %s', (rrule, start, end, expected) => {
    const cadence = { rrule, zone: 'UTC', startsAtMs: from('2023-01-31') };
    expect(missingDays(cadence, from(start), from(end))).toEqual(expected);
  });
});
