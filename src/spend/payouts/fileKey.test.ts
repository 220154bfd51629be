import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fileKey } from './fileKey.ts';

describe('the payout key of a file', () => {
  it('is another one for another name, also where long names differ at their end only', () => {
    const long = 'ж'.repeat(120);
    expect(fileKey(`${long} 2026-07.csv`)).not.toBe(fileKey(`${long} 2026-08.csv`));
    expect(fileKey('a b.csv')).not.toBe(fileKey('a_b.csv'));
    expect(fileKey('%41.csv')).not.toBe(fileKey('A.csv'));
  });

  it('is the same for one name, however the file system writes its accents', () => {
    expect(fileKey('Löhne.csv')).toBe(fileKey('Löhne.csv'.normalize('NFD')));
  });

  it('is an idempotency key: 8 to 200 visible ASCII characters', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (name) => {
        expect(fileKey(name)).toMatch(/^[!-~]{8,200}$/);
      }),
    );
  });
});
