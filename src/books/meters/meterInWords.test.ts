import { describe, expect, it } from 'vitest';
import { MeterDeclaration } from './declarations.ts';
import { meterInWords } from './meterInWords.ts';

describe('meterInWords', () => {
  it.each([
    [{ by: ['agent'], window: { calendar: 'day', tz: 'UTC' } }, 'limit per agent and day'],
    [{ by: [], window: { calendar: 'month', tz: 'UTC' } }, 'limit per month'],
    [{ by: ['agent', 'payee'], window: { rolling: 'P30D' } }, 'limit per agent and payee in any 30 days'],
    [{ by: ['agent'], window: { rolling: 'PT1H' } }, 'limit per agent in any hour'],
    [{ by: ['sponsor'], window: 'lifetime' }, 'limit per sponsor without a time window'],
    [
      { by: ['agent'], window: { calendar: 'month', tz: 'UTC' }, kinds: ['payout', 'top_up'] },
      'limit per agent and month on payout and top up payments',
    ],
  ])('%j is the %s', (declared, words) => {
    expect(meterInWords(MeterDeclaration.parse(declared))).toBe(words);
  });
});
