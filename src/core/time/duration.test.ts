import { describe, expect, it } from 'vitest';
import { durationInWords, periodInWords } from './duration.ts';

describe('durationInWords', () => {
  it.each([
    [86_400, '1 day'],
    [172_800, '2 days'],
    [21_600, '6 hours'],
    [3_600, '1 hour'],
    [5_400, '90 minutes'],
    [61, '61 seconds'],
    [1, '1 second'],
    [0, '0 seconds'],
  ])('%i seconds are %s', (seconds, words) => {
    expect(durationInWords(seconds)).toBe(words);
  });

  it('leaves the one out where a period is named', () => {
    expect([86_400, 21_600].map(periodInWords)).toEqual(['day', '6 hours']);
  });
});
