import { describe, expect, it } from 'vitest';
import { addressProblem, hasNoChecksum, inGroups } from './addressText.ts';

const GOOD = '0x9965507D1a55bcC2695C58ba16FB37d819B0A4dc';

describe('an address that a person types', () => {
  it('is taken with its checksum, and without one in lower case', () => {
    expect(addressProblem(GOOD)).toBeNull();
    expect(addressProblem(GOOD.toLowerCase())).toBeNull();
    expect([hasNoChecksum(GOOD), hasNoChecksum(GOOD.toLowerCase())]).toEqual([false, true]);
  });

  it.each([
    ['one letter of the other case', GOOD.replace('D1a', 'd1a')],
    ['one other digit', GOOD.replace(/dc$/, 'dd')],
    ['all upper case', `0x${GOOD.slice(2).toUpperCase()}`],
    ['too few digits', GOOD.slice(0, -1)],
    ['a name', 'grace.eth'],
    ['nothing', ''],
    ['a letter that only looks like one', GOOD.replace('a', '\u0430')],
    ['a space around it', ` ${GOOD}`],
  ])('is refused with %s', (_, text) => {
    expect(addressProblem(text)).toMatch(/\.$/);
  });

  it('is shown in groups, with its checksum', () => {
    expect(inGroups(GOOD.toLowerCase())).toBe('0x 9965 507D 1a55 bcC2 695C 58ba 16FB 37d8 19B0 A4dc');
  });
});
