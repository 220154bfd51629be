import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { calendarStart, calendarUnits, zonedTime } from './calendar.ts';

const at = (text: string): number => Date.parse(text);
const iso = (ms: number): string => new Date(ms).toISOString();
const zones = [
  'UTC',
  'Europe/Berlin',
  'America/New_York',
  'America/Sao_Paulo',
  'Asia/Kolkata',
  'Australia/Lord_Howe',
  'Pacific/Apia',
  'America/Havana',
  'Asia/Beirut',
  'Pacific/Chatham',
];
const instants = fc.integer({ min: at('1990-01-01T00:00:00Z'), max: at('2040-01-01T00:00:00Z') });

describe('zonedTime', () => {
  it('shows an instant as the clock of the zone does, Monday being 1', () => {
    expect(zonedTime(at('2026-11-24T19:05:30Z'), 'UTC')).toEqual({
      ms: at('2026-11-24T19:05:30Z'),
      year: 2026,
      month: 11,
      day: 24,
      weekday: 2,
      hour: 19,
      minute: 5,
      zone: 'UTC',
    });
    expect(zonedTime(at('2026-12-31T23:30:00Z'), 'Asia/Kolkata')).toMatchObject({
      year: 2027,
      month: 1,
      day: 1,
      weekday: 5,
      hour: 5,
      minute: 0,
    });
    expect(zonedTime(at('2026-11-22T12:00:00Z'), 'UTC').weekday).toBe(7);
  });

  it('agrees with Intl in every zone, at any instant, in any order of asking', () => {
    fc.assert(
      fc.property(instants, fc.constantFrom(...zones), (ms, zone) => {
        const text = new Intl.DateTimeFormat('sv-SE', {
          timeZone: zone,
          dateStyle: 'short',
          timeStyle: 'short',
        }).format(ms);
        const time = zonedTime(ms, zone);
        const two = (value: number): string => String(value).padStart(2, '0');
        expect(`${time.year}-${two(time.month)}-${two(time.day)} ${two(time.hour)}:${two(time.minute)}`).toBe(text);
      }),
    );
  });

  it('refuses a zone that does not exist', () => {
    expect(() => zonedTime(0, 'Mars/Olympus')).toThrow(RangeError);
  });
});

describe('calendarStart', () => {
  it.each([
    ['hour', '2026-03-10T14:00:00.000Z'],
    ['day', '2026-03-10T00:00:00.000Z'],
    ['week', '2026-03-09T00:00:00.000Z'],
    ['month', '2026-03-01T00:00:00.000Z'],
    ['year', '2026-01-01T00:00:00.000Z'],
  ] as const)('of a %s in UTC', (unit, start) => {
    expect(iso(calendarStart(unit, 'UTC', at('2026-03-10T14:35:07Z')))).toBe(start);
  });

  it('a week starts on Monday, also when asked on a Sunday', () => {
    expect(iso(calendarStart('week', 'UTC', at('2026-03-15T23:59:59Z')))).toBe('2026-03-09T00:00:00.000Z');
  });

  it('is the midnight of the zone, on both sides of a change of clocks', () => {
    // Berlin goes from +1 to +2 on 29 March 2026 at 02:00.
    expect(iso(calendarStart('day', 'Europe/Berlin', at('2026-03-29T20:00:00Z')))).toBe('2026-03-28T23:00:00.000Z');
    expect(iso(calendarStart('month', 'Europe/Berlin', at('2026-03-31T12:00:00Z')))).toBe('2026-02-28T23:00:00.000Z');
    expect(iso(calendarStart('day', 'Europe/Berlin', at('2026-10-25T20:00:00Z')))).toBe('2026-10-24T22:00:00.000Z');
    expect(iso(calendarStart('year', 'Europe/Berlin', at('2026-07-01T00:00:00Z')))).toBe('2025-12-31T23:00:00.000Z');
  });

  it('starts a day whose midnight was skipped when the gap ends', () => {
    // Sao Paulo skipped 00:00 to 01:00 on 4 November 2018.
    expect(iso(calendarStart('day', 'America/Sao_Paulo', at('2018-11-04T15:00:00Z')))).toBe('2018-11-04T03:00:00.000Z');
  });

  it('starts a day whose midnight came twice at the first of them', () => {
    // Havana went back from 01:00 to 00:00 on 1 November 2026.
    expect(iso(calendarStart('day', 'America/Havana', at('2026-11-01T20:00:00Z')))).toBe('2026-11-01T04:00:00.000Z');
  });

  it('makes an hour that a clock shows twice two hours', () => {
    const [first, second] = [at('2026-10-25T00:30:00Z'), at('2026-10-25T01:30:00Z')];
    expect(iso(calendarStart('hour', 'Europe/Berlin', first))).toBe('2026-10-25T00:00:00.000Z');
    expect(iso(calendarStart('hour', 'Europe/Berlin', second))).toBe('2026-10-25T01:00:00.000Z');
  });

  it('knows a day that a country left out', () => {
    // Apia went from 29 to 31 December 2011.
    expect(iso(calendarStart('day', 'Pacific/Apia', at('2011-12-31T05:00:00Z')))).toBe('2011-12-30T10:00:00.000Z');
  });

  it('is at or before the instant, is its own start, and never moves back as time goes on', () => {
    fc.assert(
      fc.property(
        instants,
        fc.nat(40 * 86_400_000),
        fc.constantFrom(...zones),
        fc.constantFrom(...calendarUnits),
        (ms, later, zone, unit) => {
          const start = calendarStart(unit, zone, ms);
          expect(start).toBeLessThanOrEqual(ms);
          expect(calendarStart(unit, zone, start)).toBe(start);
          expect(calendarStart(unit, zone, ms + later)).toBeGreaterThanOrEqual(start);
        },
      ),
      { numRuns: 500 },
    );
  });
});
