import { beforeAll, describe, expect, it } from 'vitest';
import { calendarStart, zonedTime } from '../../books/meters/calendar.ts';
import { readBundle } from './bundle.ts';
import { compilePolicy } from './compile.ts';
import { readFixtures } from './fixtures.ts';
import { findHints } from './hints.ts';
import type { PolicyInput } from './input.ts';
import { loadPolicy } from './loadPolicy.ts';
import { resolveOpa } from './opa.ts';
import type { Policy } from './policy.ts';
import { readStarterBundle } from './starter.ts';

const starterText = await readStarterBundle();
const starter = await loadPolicy(starterText);
const { bundle } = readBundle(starterText);
const { amounts: _amounts, ...data } = bundle.data;
const [base] = (await readFixtures(data)).map(({ input }) => input);
if (!base) throw new Error('no fixtures');

type Change = {
  payment?: Partial<PolicyInput['payment']>;
  meters?: Partial<PolicyInput['meters']>;
  agent?: Partial<PolicyInput['agent']>;
  destination?: Partial<PolicyInput['destination']>;
};
const changed = ({ payment, meters, agent, destination }: Change): PolicyInput => ({
  ...base,
  agent: { ...base.agent, ...agent },
  destination: { ...base.destination, ...destination },
  payment: { ...base.payment, ...payment },
  meters: Object.fromEntries(
    Object.entries({ ...base.meters, ...meters }).flatMap(([name, meter]) => (meter ? [[name, meter]] : [])),
  ),
});
const hintsOf = (policy: Policy, input: PolicyInput, inputAt?: (atMs: number) => PolicyInput) =>
  findHints(policy, {
    input,
    decision: policy.evaluate(JSON.stringify(input)).decision,
    ...(inputAt ? { inputAt } : {}),
  });
const spent = (total: number, count = 1) => ({ total, count, last_at: base.time.ms });

/** The meters as they would be: what was spent stands in the calendar day of the decision only. */
const nextDay =
  (input: PolicyInput) =>
  (atMs: number): PolicyInput => {
    const today = calendarStart('day', 'UTC', atMs) === calendarStart('day', 'UTC', input.time.ms);
    return {
      ...input,
      time: zonedTime(atMs, 'UTC'),
      meters: { ...input.meters, agent_day: today ? (input.meters.agent_day ?? spent(0)) : spent(0, 0) },
    };
  };

/** A first run may have to build opa. */
beforeAll(async () => {
  await resolveOpa();
}, 900_000);

describe('hints', () => {
  it('are none where the payment is allowed', () => {
    expect(hintsOf(starter, base, nextDay(base))).toEqual({ maxAmount: null, earliestAtMs: null, approvals: null });
  });

  it('find what is left of a day to the last micro-USDC, and the next midnight', () => {
    const input = changed({ meters: { agent_day: spent(199_000_000) } });
    const hints = hintsOf(starter, input, nextDay(input));
    expect(hints).toEqual({ maxAmount: 1_000_000n, earliestAtMs: Date.parse('2026-01-08T00:00:00Z'), approvals: null });
  });

  it('hold when they are followed, and not one micro-USDC or minute beyond', () => {
    const input = changed({ meters: { agent_day: spent(180_000_001) }, payment: { amount: 20_000_000 } });
    const inputAt = nextDay(input);
    const { maxAmount, earliestAtMs } = hintsOf(starter, input, inputAt);
    const effect = (asked: PolicyInput) => starter.evaluate(JSON.stringify(asked)).decision.effect;
    const asking = (amount: number) => effect({ ...input, payment: { ...input.payment, amount } });
    expect(asking(Number(maxAmount))).toBe('allow');
    expect(asking(Number(maxAmount) + 1)).toBe('deny');
    expect(effect(inputAt(earliestAtMs ?? 0))).toBe('allow');
    expect(effect(inputAt((earliestAtMs ?? 0) - 60_000))).toBe('deny');
  });

  it('find the largest amount that needs no approval, and who could approve more', () => {
    const hints = hintsOf(starter, changed({ payment: { amount: 40_000_000 } }), nextDay(base));
    expect(hints).toEqual({ maxAmount: 24_999_999n, earliestAtMs: null, approvals: { quorum: 1, roles: ['finance'] } });
  });

  it('name no approvals where a deny stands: nobody can sign one away', () => {
    const input = changed({ payment: { amount: 60_000_000 } });
    expect(hintsOf(starter, input)).toEqual({ maxAmount: 24_999_999n, earliestAtMs: null, approvals: null });
  });

  it('search neither amount nor time where neither can help', () => {
    const input = changed({ agent: { status: 'frozen' } });
    let asked = 0;
    const inputAt = (): PolicyInput => {
      asked += 1;
      return input;
    };
    expect(hintsOf(starter, input, inputAt)).toEqual({ maxAmount: null, earliestAtMs: null, approvals: null });
    expect(asked).toBe(0);
  });

  it('find when a rolling window has let enough go', () => {
    const input = changed({ meters: { agent_hour: spent(0, 120) } });
    const lastAt = input.time.ms - 1_200_000;
    const hints = hintsOf(starter, input, (atMs) => ({
      ...input,
      time: zonedTime(atMs, 'UTC'),
      meters: { ...input.meters, agent_hour: spent(0, lastAt > atMs - 3_600_000 ? 120 : 0) },
    }));
    expect(hints.maxAmount).toBeNull();
    expect(hints.earliestAtMs).toBeGreaterThanOrEqual(lastAt + 3_600_000);
    expect(hints.earliestAtMs).toBeLessThan(lastAt + 3_660_000);
  });

  it('find Monday morning on a Friday evening', async () => {
    const yaml = (bundle.files['data.yaml'] ?? '')
      .replace('weekdays: [1, 2, 3, 4, 5, 6, 7]', 'weekdays: [1, 2, 3, 4, 5]')
      .replace('from_hour: 0', 'from_hour: 9')
      .replace('to_hour: 24', 'to_hour: 17')
      .replace('timezone: UTC', 'timezone: Europe/Berlin');
    const policy = await loadPolicy(await compilePolicy({ ...bundle.files, 'data.yaml': yaml }));
    const at = (atMs: number): PolicyInput => ({ ...base, time: zonedTime(atMs, policy.settings.timezone) });
    const hints = hintsOf(policy, at(Date.parse('2026-01-09T18:12:00Z')), at);
    expect(hints.earliestAtMs).toBeGreaterThanOrEqual(Date.parse('2026-01-12T08:00:00Z'));
    expect(hints.earliestAtMs).toBeLessThan(Date.parse('2026-01-12T08:01:00Z'));
    expect(hints.approvals).toEqual({ quorum: 1, roles: ['finance'] });
  });

  it('stay within their bound of evaluations', () => {
    let evaluations = 0;
    const counting: Policy = {
      ...starter,
      digest: starter.digest,
      evaluate(text) {
        evaluations += 1;
        return starter.evaluate(text);
      },
    };
    const input = changed({ payment: { amount: Number.MAX_SAFE_INTEGER }, meters: { agent_day: spent(0) } });
    const decision = starter.evaluate(JSON.stringify(input)).decision;
    findHints(counting, { input, decision, inputAt: () => input });
    findHints(counting, {
      input: changed({ meters: { agent_day: spent(300_000_000) } }),
      decision: starter.evaluate(JSON.stringify(changed({ meters: { agent_day: spent(300_000_000) } }))).decision,
      inputAt: () => changed({ meters: { agent_day: spent(300_000_000) } }),
    });
    expect(evaluations).toBeLessThan(200);
  });
});
