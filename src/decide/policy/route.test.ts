import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatUsdc } from '../../core/money/microUsdc.ts';
import { readBundle, withAmounts } from './bundle.ts';
import { PolicyData } from './data.ts';
import type { RouteInput } from './input.ts';
import { loadPolicy, ROUTE_ENTRYPOINT } from './loadPolicy.ts';
import { readRoute } from './route.ts';
import { readStarterBundle } from './starter.ts';
import { WasmPolicy } from './wasm.ts';

const text = await readStarterBundle();
const { bundle } = readBundle(text);
const { amounts: _amounts, ...starter } = bundle.data;
const wasm = await WasmPolicy.compile(Uint8Array.from(Buffer.from(bundle.wasm, 'base64')), {});
const LARGEST = 9_007_199_254_740_991;

function input(amount: number, more: { refunded?: number; available?: number } = {}): RouteInput {
  return {
    agent: { id: 'agt_1', name: 'vendor', status: 'active', labels: {} },
    sponsor: { id: 'spn_1', name: 'lab', status: 'active' },
    funds: { available: more.available ?? amount, earned: amount, passed_on: 0 },
    receivable: {
      id: 'rcv_1',
      kind: 'x402_sale',
      amount,
      refunded: more.refunded ?? 0,
      payer: '0x1111111111111111111111111111111111111111',
      resource: null,
      invoice: null,
    },
  };
}
const withRule = (route: object) => ({ ...starter, revenue: { rules: [{ agent: 'vendor', route }] } });
const ask = (route: object, of: RouteInput): unknown =>
  wasm.withData(withAmounts(withRule(route))).evaluate(ROUTE_ENTRYPOINT, JSON.stringify(of));

/** Hundredths of a percent that sum to at most 100 %. */
const shares = fc.array(fc.integer({ min: 1, max: 4_000 }), { minLength: 1, maxLength: 8 }).map((parts) => {
  const total = parts.reduce((sum, part) => sum + part, 0);
  const scaled = total > 10_000 ? parts.map((part) => Math.max(1, Math.floor((part * 9_990) / total))) : parts;
  return scaled.map((bps, index) => ({ payee: `p${index}`, percent: (bps / 100).toFixed(2), bps: BigInt(bps) }));
});

describe('data.bursar.route', () => {
  it('loses nothing to the last micro-USDC, whatever the amount and the rule', () => {
    fc.assert(
      fc.property(
        fc.record({
          amount: fc.oneof(fc.integer({ min: 1, max: 1_000 }), fc.integer({ min: 1, max: LARGEST })),
          parts: shares,
          fixed: fc.array(fc.bigInt(1n, 5_000_000n), { maxLength: 3 }),
          pick: fc.nat(),
          back: fc.double({ min: 0, max: 1, noNaN: true }),
        }),
        ({ amount, parts, fixed, pick, back }) => {
          const refunded = Math.floor(amount * back * 0.5);
          const remainder = parts[pick % parts.length]?.payee ?? 'p0';
          const rule = {
            fixed: fixed.map((micro, index) => ({ payee: `f${index}`, amount: formatUsdc(micro) })),
            shares: parts.map(({ payee, percent }) => ({ payee, percent })),
            remainder,
          };
          expect(PolicyData.safeParse(withRule(rule)).success).toBe(true);
          const of = input(amount, { refunded });
          const route = readRoute(ask(rule, of), of);
          if (!route) throw new Error('no route');
          const net = BigInt(amount - refunded);
          const sum = route.legs.reduce((total, leg) => total + leg.amount, 0n);
          expect(sum + route.keptMicro).toBe(net);
          const taken = fixed.reduce((total, micro) => total + micro, 0n);
          const rest = net > taken ? net - taken : 0n;
          for (const { payee, bps } of parts) {
            const got = route.legs.find((leg) => leg.name === `share ${payee}`)?.amount ?? 0n;
            const exact = (rest * bps) / 10_000n;
            if (payee === remainder) expect(got >= exact && got < exact + BigInt(parts.length + 1)).toBe(true);
            else expect(got).toBe(exact);
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  it('sweeps what is above the float, and no more than there is', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: LARGEST }), fc.integer({ min: 0, max: 10_000_000 }), (available, float) => {
        const of = input(1, { available });
        const route = readRoute(ask({ sweep: { to: 'treasury', float: formatUsdc(BigInt(float)) } }, of), of);
        const swept = route?.legs[0]?.amount ?? 0n;
        expect(swept).toBe(available > float ? BigInt(available - float) : 0n);
      }),
      { numRuns: 60 },
    );
  });

  it('keeps everything where no rule applies', async () => {
    const policy = await loadPolicy(text);
    expect(policy.route(input(5, { refunded: 2 }))).toEqual({ legs: [], keptMicro: 3n });
  });

  it.each([
    [
      'a share too many',
      {
        shares: [
          { payee: 'a', percent: '60' },
          { payee: 'b', percent: '50' },
        ],
        remainder: 'a',
      },
    ],
    ['no remainder', { shares: [{ payee: 'a', percent: '60' }] }],
    ['a remainder that has no share', { shares: [{ payee: 'a', percent: '60' }], remainder: 'b' }],
    [
      'a payee twice',
      {
        fixed: [
          { payee: 'a', amount: '1.00' },
          { payee: 'a', amount: '2.00' },
        ],
      },
    ],
    ['an amount that is a number', { fixed: [{ payee: 'a', amount: 1 }] }],
    ['three decimals', { shares: [{ payee: 'a', percent: '33.333' }], remainder: 'a' }],
    ['a misspelt word', { share: [{ payee: 'a', percent: '60' }] }],
  ])('does not take %s: the data is refused', (_what, rule) => {
    expect(PolicyData.safeParse(withRule(rule)).success).toBe(false);
  });
});

describe('readRoute', () => {
  const leg = { name: 'share a', payee: 'a', amount: 6 };
  it.each([
    ['nothing', undefined],
    ['legs that are more than was received', { legs: [{ ...leg, amount: 11 }], kept: 0 }],
    ['money that is lost', { legs: [leg], kept: 3 }],
    [
      'a leg twice',
      {
        legs: [
          { ...leg, amount: 5 },
          { ...leg, amount: 5 },
        ],
        kept: 0,
      },
    ],
    ['a leg of nothing', { legs: [{ ...leg, amount: 0 }], kept: 10 }],
    ['a negative leg', { legs: [{ ...leg, amount: -1 }], kept: 11 }],
    ['a fraction', { legs: [{ ...leg, amount: 0.5 }], kept: 9.5 }],
    ['a leg to nobody', { legs: [{ ...leg, payee: '' }], kept: 4 }],
    ['a sweep of more than there is', { legs: [{ name: 'sweep', payee: 'a', amount: 11 }], kept: 10 }],
    ['text', 'all to me'],
  ])('is not taken in by %s', (_what, raw) => {
    expect(readRoute(raw, input(10))).toBeNull();
  });
});
