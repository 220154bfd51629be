import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatUsdc, MICRO_USDC_MAX, microUsdc, parsePositiveUsdc, parseUsdc } from './microUsdc.ts';

const refused = expect.objectContaining({ code: 'invalid_amount', status: 400 });
const amounts = fc.bigInt({ min: 0n, max: MICRO_USDC_MAX });

describe('parseUsdc', () => {
  it('reads decimal text exactly', () => {
    expect(parseUsdc('0')).toBe(0n);
    expect(parseUsdc('1')).toBe(1_000_000n);
    expect(parseUsdc('12.5')).toBe(12_500_000n);
    expect(parseUsdc('0.000001')).toBe(1n);
    expect(parseUsdc('9007199254.740991')).toBe(MICRO_USDC_MAX);
  });

  it.each([
    ['negative', '-1'],
    ['a plus sign', '+1'],
    ['not a number', 'NaN'],
    ['infinite', 'Infinity'],
    ['exponent form', '1e3'],
    ['exponent form in capitals', '1E-6'],
    ['hexadecimal', '0x10'],
    ['more than 6 decimals', '0.0000001'],
    ['7 decimals though the last is zero', '1.0000000'],
    ['one micro above 2^53-1', '9007199254.740992'],
    ['a whole above 2^53-1', '9007199255'],
    ['20 digits', '10000000000000000000'],
    ['a leading zero', '01'],
    ['no whole part', '.5'],
    ['no decimals after the point', '1.'],
    ['two points', '1.2.3'],
    ['a decimal comma', '1,5'],
    ['a thousands separator', '1_000'],
    ['empty', ''],
    ['blank', ' '],
    ['padded', ' 1'],
    ['ended by a newline', '1\n'],
    ['in Arabic-Indic digits', '١'],
    ['in full-width digits', '１'],
  ])('refuses an amount that is %s', (_, text) => {
    expect(() => parseUsdc(text)).toThrow(refused);
  });

  it('quotes at most 40 characters of what it refuses', () => {
    expect(() => parseUsdc('9'.repeat(10_000))).toThrow(
      expect.objectContaining({ message: expect.stringMatching(/^.{1,80}$/) }),
    );
  });

  it('never takes text that stands for another value: what it takes, it writes back', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'0123456789.-+eE, ') }), (text) => {
        let value: bigint;
        try {
          value = parseUsdc(text);
        } catch {
          return;
        }
        const [whole, fraction = ''] = text.split('.');
        expect(formatUsdc(value)).toBe(`${whole}.${fraction.replace(/0+$/, '').padEnd(2, '0')}`);
      }),
    );
  });
});

describe('parsePositiveUsdc', () => {
  it.each(['0', '0.0', '0.000000'])('refuses %s, for nothing moves', (text) => {
    expect(() => parsePositiveUsdc(text)).toThrow(refused);
  });

  it('takes the smallest amount there is', () => {
    expect(parsePositiveUsdc('0.000001')).toBe(1n);
  });
});

describe('microUsdc', () => {
  it('takes 0 to 2^53-1 and nothing beyond', () => {
    expect(microUsdc(0n)).toBe(0n);
    expect(microUsdc(MICRO_USDC_MAX)).toBe(BigInt(Number.MAX_SAFE_INTEGER));
    expect(() => microUsdc(-1n)).toThrow(refused);
    expect(() => microUsdc(MICRO_USDC_MAX + 1n)).toThrow(refused);
  });
});

describe('formatUsdc', () => {
  it('writes at least two decimals and as many as are needed', () => {
    expect(formatUsdc(12_500_000n)).toBe('12.50');
    expect(formatUsdc(1n)).toBe('0.000001');
    expect(formatUsdc(1_230n)).toBe('0.00123');
    expect(formatUsdc(0n)).toBe('0.00');
    expect(formatUsdc(-1_500_000n)).toBe('-1.50');
  });

  it('is undone by parseUsdc for every amount', () => {
    fc.assert(
      fc.property(amounts, (amount) => {
        expect(parseUsdc(formatUsdc(amount))).toBe(amount);
      }),
    );
  });

  it('keeps the order of amounts apart: two amounts have two texts', () => {
    fc.assert(
      fc.property(amounts, amounts, (a, b) => {
        expect(formatUsdc(a) === formatUsdc(b)).toBe(a === b);
      }),
    );
  });
});
