import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatUsdc, MICRO_USDC_MAX, parseUsdc } from '../../core/money/microUsdc.ts';
import { readBundle } from './bundle.ts';
import { DECISION_ENTRYPOINT } from './loadPolicy.ts';
import { probeInput } from './probeInput.ts';
import { readStarterBundle } from './starter.ts';
import { WasmPolicy } from './wasm.ts';

const { bundle } = readBundle(await readStarterBundle());
const wasm = await WasmPolicy.compile(Uint8Array.from(Buffer.from(bundle.wasm, 'base64')), {});

/** What `money.usdc` of the library made of a cap, seen through a top-up of the largest amount; null where undefined. */
function usdcInWasm(text: unknown, amounts: Record<string, number>): number | null {
  const data = {
    ...bundle.data,
    amounts,
    required: { top_up: ['top_up_terms'] },
    controls: { top_up_terms: { limit: text } },
  };
  const input = probeInput({}, 'UTC');
  const payment = { ...input.payment, kind: 'top_up', amount: Number(MICRO_USDC_MAX) };
  const decision = wasm.withData(data).evaluate(DECISION_ENTRYPOINT, JSON.stringify({ ...input, payment }));
  const { effect, reasons } = decision as { effect: string; reasons: { code: string; limit?: number }[] };
  if (effect === 'allow') return Number(MICRO_USDC_MAX);
  return reasons[0]?.code === 'top_up_cap' ? (reasons[0].limit ?? null) : null;
}

const amounts = fc.bigInt({ min: 0n, max: MICRO_USDC_MAX });

describe('money.usdc of the library', () => {
  it('reads any amount exactly, with and without the table of worked-out amounts', () => {
    fc.assert(
      fc.property(amounts, (amount) => {
        const text = formatUsdc(amount);
        expect(usdcInWasm(text, {})).toBe(Number(amount));
        expect(usdcInWasm(text, { [text]: Number(parseUsdc(text)) })).toBe(Number(amount));
      }),
      { numRuns: 150 },
    );
  });

  it('takes what parseUsdc takes and nothing else', () => {
    const digits = fc.string({ unit: fc.constantFrom('0', '1', '9', '.', '-', 'e', ' ', '٣'), maxLength: 13 });
    fc.assert(
      fc.property(digits, (text) => {
        let expected: number | null = null;
        try {
          expected = Number(parseUsdc(text));
        } catch {
          // Not an amount there either.
        }
        expect(usdcInWasm(text, {})).toBe(expected);
      }),
      { numRuns: 300 },
    );
  });

  it.each([25, 2.5, null, true, ['25.00'], { usdc: '25.00' }])('takes no %j', (value) => {
    expect(usdcInWasm(value, {})).toBeNull();
  });
});
