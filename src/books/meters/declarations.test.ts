import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MeterDeclarations, rollingMs, windowStart } from './declarations.ts';

describe('rollingMs', () => {
  it.each([
    ['PT1S', 1_000],
    ['PT90M', 5_400_000],
    ['PT1H', 3_600_000],
    ['P1D', 86_400_000],
    ['P30D', 2_592_000_000],
    ['P2W', 1_209_600_000],
    ['P1DT2H3M4S', 93_784_000],
  ])('%s', (text, ms) => {
    expect(rollingMs(text)).toBe(ms);
    expect(rollingMs(text)).toBe(ms);
  });

  it.each([
    'P1M',
    'P1Y',
    'P',
    'PT',
    'P1DT',
    '',
    '1H',
    'PT0S',
    'P0D',
    'P-1D',
    'P1.5D',
    'PT1H ',
    'pt1h',
    'P9999W',
    'P1W1D',
  ])('refuses %j', (text) => {
    expect(() => rollingMs(text)).toThrow(expect.objectContaining({ code: 'policy_invalid' }));
  });
});

describe('windowStart', () => {
  const now = Date.parse('2026-11-24T19:05:00Z');

  it('counts everything in a lifetime', () => {
    expect(windowStart('lifetime', now)).toBe(0);
  });

  it('looks back by the duration in a rolling window, and not before the epoch', () => {
    expect(windowStart({ rolling: 'PT1H' }, now)).toBe(now - 3_600_000);
    expect(windowStart({ rolling: 'P30D' }, 5)).toBe(0);
  });

  it('is where the calendar turned in a calendar window', () => {
    expect(windowStart({ calendar: 'day', tz: 'America/New_York' }, now)).toBe(Date.parse('2026-11-24T05:00:00Z'));
  });

  it('slides with time in a rolling window', () => {
    fc.assert(
      fc.property(fc.integer({ min: 3_600_000, max: 4e12 }), fc.nat(1e9), (at, later) => {
        expect(windowStart({ rolling: 'PT1H' }, at + later) - windowStart({ rolling: 'PT1H' }, at)).toBe(later);
      }),
    );
  });
});

describe('MeterDeclarations', () => {
  const day = { by: ['agent'], window: { calendar: 'day', tz: 'UTC' } };

  it('takes all dimensions and kinds of windows, and refunds are never by default', () => {
    const parsed = MeterDeclarations.parse({
      everything: { by: [], window: 'lifetime', refunds: 'current' },
      agent_day: day,
      host_hour: {
        by: ['host', 'network', 'asset'],
        window: { rolling: 'PT1H' },
        kinds: ['purchase'],
        refunds: 'restore',
      },
    });
    expect(parsed.agent_day?.refunds).toBe('never');
  });

  it.each([
    ['an unknown dimension', { m: { ...day, by: ['colour'] } }],
    ['a dimension named twice', { m: { ...day, by: ['agent', 'agent'] } }],
    ['a zone that does not exist', { m: { ...day, window: { calendar: 'day', tz: 'Mars/Olympus' } } }],
    ['an offset for a zone', { m: { ...day, window: { calendar: 'day', tz: '+02:00' } } }],
    ['a rolling month', { m: { ...day, window: { rolling: 'P1M' } } }],
    ['an unknown calendar unit', { m: { ...day, window: { calendar: 'fortnight', tz: 'UTC' } } }],
    ['two windows', { m: { ...day, window: { calendar: 'day', tz: 'UTC', rolling: 'PT1H' } } }],
    ['an unknown kind', { m: { ...day, kinds: ['gift'] } }],
    ['a name that SQL would have to quote', { 'a b': day }],
    ['an unknown field', { m: { ...day, limit: 3 } }],
    ['more than 64 meters', Object.fromEntries(Array.from({ length: 65 }, (_, index) => [`m${index}`, day]))],
  ])('refuses %s', (_, meters) => {
    expect(MeterDeclarations.safeParse(meters).success).toBe(false);
  });
});
