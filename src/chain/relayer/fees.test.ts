import fc from 'fast-check';
import { expect, it } from 'vitest';
import { firstFees, replacementFees } from './fees.ts';

const caps = { maxFee: 1_000n, maxPriorityFee: 100n };
const fee = (max: bigint) => fc.bigInt({ min: 0n, max });

it('a first attempt lets the base fee double, within the caps', () => {
  expect(firstFees({ baseFee: 100n, priorityFee: 5n }, caps)).toEqual({ maxFee: 205n, maxPriorityFee: 5n });
  expect(firstFees({ baseFee: 600n, priorityFee: 5n }, caps)).toEqual({ maxFee: 1_000n, maxPriorityFee: 5n });
  expect(firstFees({ baseFee: 100n, priorityFee: 9_999n }, caps)).toEqual({ maxFee: 300n, maxPriorityFee: 100n });
});

it('waits when the base fee is above the cap', () => {
  expect(firstFees({ baseFee: 1_001n, priorityFee: 0n }, caps)).toBeNull();
});

it('a replacement pays at least an eighth more in both fields, never above a cap, and never less than its priority', () => {
  fc.assert(
    fc.property(fee(1_000n), fee(100n), fee(2_000n), fee(300n), (maxFee, maxPriorityFee, baseFee, priorityFee) => {
      const fees = replacementFees({ maxFee, maxPriorityFee }, { baseFee, priorityFee }, caps);
      if (fees === null) return;
      expect(fees.maxFee * 8n).toBeGreaterThanOrEqual(maxFee * 9n);
      expect(fees.maxPriorityFee * 8n).toBeGreaterThanOrEqual(maxPriorityFee * 9n);
      expect(fees.maxFee > maxFee && fees.maxPriorityFee > maxPriorityFee).toBe(true);
      expect(fees.maxFee <= caps.maxFee && fees.maxPriorityFee <= caps.maxPriorityFee).toBe(true);
    }),
  );
});

it('a replacement that would pass a cap is not made', () => {
  expect(replacementFees({ maxFee: 950n, maxPriorityFee: 5n }, { baseFee: 10n, priorityFee: 1n }, caps)).toBeNull();
});

it('follows a market that rose by more than an eighth', () => {
  const market = { baseFee: 400n, priorityFee: 10n };
  expect(replacementFees({ maxFee: 100n, maxPriorityFee: 5n }, market, caps)).toEqual({
    maxFee: 810n,
    maxPriorityFee: 10n,
  });
});
