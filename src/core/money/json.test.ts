import { expect, it } from 'vitest';
import { toJson } from './json.ts';

it('keeps every digit of an amount, wherever it stands', () => {
  expect(toJson({ amount: 2n ** 64n - 1n, lines: [{ amount: 1n, memo: null }] })).toBe(
    '{"amount":"18446744073709551615","lines":[{"amount":"1","memo":null}]}',
  );
});
