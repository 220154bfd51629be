import { beforeAll, describe, expect, it } from 'vitest';
import { starterWith } from '../../../test/support/stricterPolicy.ts';
import type { MeterDeclarations } from '../../books/meters/declarations.ts';
import { decideAgain, metersUnlike, subjectOfInput } from './candidate.ts';
import { loadPolicy } from './loadPolicy.ts';
import type { Policy } from './policy.ts';
import { probeInput } from './probeInput.ts';
import { readStarterBundle } from './starter.ts';

let starter: Policy;
let strict: Policy;
beforeAll(async () => {
  [starter, strict] = await Promise.all([
    readStarterBundle().then((text) => loadPolicy(text)),
    starterWith('limit: "50.00"', 'limit: "40.00"').then((text) => loadPolicy(text)),
  ]);
});

/** What the starter decided on a payment of so many micro-USDC, as it is stored. */
const stored = (amount: number, changes = {}) => {
  const input = probeInput(starter.meters, 'UTC');
  const text = JSON.stringify({ ...input, payment: { ...input.payment, amount }, ...changes });
  return { input: text, result: starter.evaluate(text).resultText };
};

describe('a stored decision', () => {
  it('comes out the same under the policy that made it', () => {
    for (const amount of [1, 24_000_000, 45_000_000, 60_000_000]) {
      expect(decideAgain(starter, starter.meters, stored(amount))).toMatchObject({ isSame: true, failure: null });
    }
  });

  it('shows what another policy would have decided', () => {
    expect(decideAgain(strict, starter.meters, stored(45_000_000))).toMatchObject({
      isSame: false,
      active: { effect: 'review', reasons: [{ code: 'large_amount' }], review: { quorum: 1 } },
      shadow: { effect: 'deny', reasons: [{ code: 'payment_cap' }] },
    });
    expect(decideAgain(strict, starter.meters, stored(1))).toMatchObject({ isSame: true });
  });

  it('is not decided again by meters that were not counted then', () => {
    const { agent_day: day, ...others } = starter.meters;
    expect(decideAgain(strict, others, stored(1))).toEqual({ lacks: ['agent_day'] });
    if (!day) throw new Error('The starter counts by day.');
    const byPayee = { ...starter.meters, agent_day: { ...day, by: ['payee' as const] } };
    expect(decideAgain(strict, byPayee, stored(1))).toEqual({ lacks: ['agent_day'] });
  });

  it('is decided again by readings that are given for the meters that were not kept, and by the recorded ones of the others', () => {
    const { agent_day: day, ...others } = starter.meters;
    if (!day) throw new Error('The starter counts by day.');
    const total = (micro: number) => ({ agent_day: { total: micro, count: 1, last_at: 1 } });
    const again = (kept: MeterDeclarations, micro: number) =>
      decideAgain(starter, kept, { ...stored(1_000_000), readings: total(micro) });
    expect(again(others, 199_000_000)).toMatchObject({ isSame: true });
    expect(again(others, 199_000_001)).toMatchObject({ isSame: false, shadow: { reasons: [{ code: 'agent_daily' }] } });
    expect(again({ ...others, agent_day: { ...day, by: ['payee'] } }, 199_000_001)).toMatchObject({ isSame: false });
    expect(again(starter.meters, 199_000_001)).toMatchObject({ isSame: true });
  });

  it('names by whom and for what it is counted', () => {
    const probe = probeInput({}, 'UTC');
    const workflow = { id: 'wfl_1', name: 'flow', status: 'active' as const, run: null };
    const input = { ...probe, workflow, payment: { ...probe.payment, category: 'ocr', host: 'api.example.com' } };
    expect(subjectOfInput(input)).toEqual({
      agent: 'agt_probe',
      sponsor: 'spn_probe',
      workflow: 'wfl_1',
      payee: 'pye_probe',
      address: '0x1111111111111111111111111111111111111111',
      category: 'ocr',
      kind: 'payout',
      asset: 'USDC',
      network: 'eip155:31337',
      host: 'api.example.com',
    });
    expect(subjectOfInput({ ...input, workflow: null, payee: null })).toMatchObject({ workflow: null, payee: null });
  });

  it('is given with the meters and the clock of the candidate alone', () => {
    const seen: unknown[] = [];
    const { agent_day: day } = starter.meters;
    if (!day) throw new Error('The starter counts by day.');
    const candidate: Policy = {
      ...starter,
      meters: { agent_day: day },
      settings: { ...starter.settings, timezone: 'Asia/Tokyo' },
      evaluate: (text) => {
        seen.push(JSON.parse(text));
        return starter.evaluate(text);
      },
    };
    const { time } = probeInput({}, 'UTC');
    decideAgain(candidate, starter.meters, stored(1));
    expect(seen).toMatchObject([{ time: { ms: time.ms, zone: 'Asia/Tokyo' } }]);
    expect(seen).toHaveProperty('0.meters', { agent_day: { total: 0, count: 0, last_at: null } });
  });
});

describe('meters of a candidate', () => {
  it('are like those that are kept only where window, grouping, kinds and refunds are', () => {
    const day = starter.meters.agent_day;
    if (!day) throw new Error('The starter counts by day.');
    expect(metersUnlike({ a: day }, { a: { ...day }, b: day })).toEqual([]);
    for (const change of [
      { by: [] },
      { window: 'lifetime' as const },
      { kinds: ['payout' as const] },
      { refunds: 'current' as const },
    ]) {
      expect(metersUnlike({ a: { ...day, ...change } }, { a: day }), JSON.stringify(change)).toEqual(['a']);
    }
    expect(metersUnlike({ a: day, c: day, b: day }, { a: day })).toEqual(['b', 'c']);
  });
});
