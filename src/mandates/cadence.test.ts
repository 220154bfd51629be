import { describe, expect, it } from 'vitest';
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
  ])('is refused as %j', (rrule) => {
    expect(() => checkCadence({ ...berlin, rrule })).toThrow(expect.objectContaining({ code: 'invalid_request' }));
  });
});
