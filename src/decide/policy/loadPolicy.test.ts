import { beforeAll, describe, expect, it } from 'vitest';
import { bundleOf, handMade } from '../../../test/support/handMadePolicy.ts';
import { digestOf, readBundle, writeBundle } from './bundle.ts';
import { PolicyInput } from './input.ts';
import { type LoadOptions, loadPolicy } from './loadPolicy.ts';
import { resolveOpa } from './opa.ts';
import type { Policy } from './policy.ts';
import { probeInput } from './probeInput.ts';
import { readStarterBundle } from './starter.ts';

/** Decides well on the probe, and on 7 micro-USDC by the given body. */
async function oddAtSeven(rego: string, options: LoadOptions = {}): Promise<Policy> {
  const allow = '{"effect": "allow", "reasons": [{"code": "ok", "rule": "r"}], "review": null}';
  return await loadPolicy(
    await handMade(`meters := {}\n\ndecision := ${allow} if input.payment.amount != 7\n\n${rego}`),
    options,
  );
}
const inputOf = (amount: number): string => {
  const input = probeInput({}, 'UTC');
  return JSON.stringify({ ...input, payment: { ...input.payment, amount } });
};
const codeOf = (policy: Policy, amount: number): string | undefined =>
  policy.evaluate(inputOf(amount)).decision.reasons[0]?.code;

/** A first run may have to build opa. */
beforeAll(async () => {
  await resolveOpa();
}, 900_000);

describe('loadPolicy', () => {
  it('loads the committed starter policy with its meters and settings', async () => {
    const policy = await loadPolicy(await readStarterBundle());
    expect(policy.digest).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(Object.keys(policy.meters).sort()).toEqual([
      'agent_category_month',
      'agent_day',
      'agent_hour',
      'agent_month',
      'agent_recurring_month',
      'payee_30d',
    ]);
    expect(policy.settings).toEqual({ timezone: 'UTC', x402: { maxValiditySeconds: 120, floatTarget: 1_000_000n } });
    expect(policy.reads.amount).toContain('payment_cap');
    expect(policy.reads.time).not.toContain('payment_cap');
  });

  it.each([
    ['no JSON', '{'],
    ['another document', '{"hello": 1}'],
    ['nothing', ''],
  ])('refuses %s as corrupt', async (_, text) => {
    await expect(loadPolicy(text)).rejects.toMatchObject({ code: 'policy_corrupt' });
  });

  it('refuses a bundle of which one character was changed', async () => {
    const text = await readStarterBundle();
    for (const [from, to] of [
      ['limit: \\"50.00\\"', 'limit: \\"90.00\\"'],
      ['"limit":"50.00"', '"limit":"90.00"'],
      ['"50.00":50000000', '"50.00":90000000'],
    ] as const) {
      expect(text).toContain(from);
      await expect(loadPolicy(text.replace(from, to))).rejects.toMatchObject({ code: 'policy_corrupt' });
    }
  });

  it('refuses data that is not what data.yaml says, whatever the digest', async () => {
    const { bundle } = readBundle(await readStarterBundle());
    const forged = { ...bundle, data: { ...bundle.data, layers: ['x'] } };
    await expect(loadPolicy(writeBundle(forged))).rejects.toMatchObject({
      code: 'policy_corrupt',
      message: expect.stringContaining('data.yaml'),
    });
  });

  it('refuses bytes that are no WebAssembly', async () => {
    await expect(loadPolicy(bundleOf(Buffer.from('not wasm')))).rejects.toMatchObject({ code: 'policy_corrupt' });
  });

  it('ends a module that loops when it is first run', async () => {
    const promise = loadPolicy(bundleOf(loopingModule()), { probeLimitMs: 300 });
    await expect(promise).rejects.toMatchObject({ code: 'policy_too_slow' });
  });

  it.each([
    ['no meters', 'decision := 1'],
    ['meters of another form', 'meters := {"m": 1}\n\ndecision := 1'],
    ['no decision', 'meters := {}'],
    ['a decision that is none', 'meters := {}\n\ndecision := {"allow": true}'],
    ['an undefined decision', 'meters := {}\n\ndecision := 1 if input.nothing'],
    ['a conflict', 'meters := {}\n\ndecision := 1\n\ndecision := 2 if input.payment'],
    ['functions of the host', 'meters := {}\n\ndecision := sprintf("%d", [1])'],
  ])('refuses a policy with %s', async (_, rego) => {
    await expect(loadPolicy(await handMade(rego))).rejects.toMatchObject({ code: 'policy_invalid' });
  });

  it('refuses a policy that takes too long for an ordinary payment', async () => {
    const rego =
      'meters := {}\n\ndecision := count([1 | some x in numbers.range(1, 400); some y in numbers.range(1, 400); x + y < 0])';
    await expect(loadPolicy(await handMade(rego), { evaluationLimitMs: 1 })).rejects.toMatchObject({
      code: 'policy_too_slow',
    });
  });
});

describe('evaluate', () => {
  it('denies where the decision is undefined', async () => {
    expect(codeOf(await oddAtSeven(''), 7)).toBe('policy_undefined');
  });

  it('denies where the policy traps, and decides well again after it', async () => {
    const policy = await oddAtSeven(
      'decision := 1 if input.payment.amount == 7\n\ndecision := 2 if input.payment.amount == 7',
    );
    expect(codeOf(policy, 7)).toBe('policy_error');
    expect(codeOf(policy, 8)).toBe('ok');
    expect(policy.evaluate(inputOf(7)).failure).toMatch(/conflict/);
  });

  it('denies where the policy takes all memory', async () => {
    const policy = await oddAtSeven('decision := numbers.range(1, 5000000) if input.payment.amount == 7');
    expect(codeOf(policy, 7)).toBe('policy_error');
    expect(codeOf(policy, 8)).toBe('ok');
  });

  it('denies where the answer comes too late', async () => {
    const slow =
      'decision := count([1 | some x in numbers.range(1, 400); some y in numbers.range(1, 400); x + y < 0]) if input.payment.amount == 7';
    const policy = await oddAtSeven(slow, { evaluationLimitMs: 5 });
    expect(codeOf(policy, 7)).toBe('policy_timeout');
  });

  it.each([
    'true',
    '{"effect": "allow"}',
    '{"effect": "allow", "reasons": [], "review": null}',
    '{"effect": "ALLOW", "reasons": [{"code": "a", "rule": "r"}], "review": null}',
    '{"effect": "allow", "reasons": [{"code": "a", "rule": "r"}], "review": {"quorum": 1}}',
    '{"effect": "review", "reasons": [{"code": "a", "rule": "r"}], "review": null}',
    '{"effect": "review", "reasons": [{"code": "a", "rule": "r"}], "review": {"quorum": 0, "roles": ["f"], "expires_in": "PT1H"}}',
    '{"effect": "review", "reasons": [{"code": "a", "rule": "r"}], "review": {"quorum": 1, "roles": ["f"], "expires_in": "P1M"}}',
    '{"effect": "review", "reasons": [{"code": "a", "rule": "r"}], "review": {"quorum": 1, "roles": [], "expires_in": "PT1H"}}',
    '{"effect": "deny", "reasons": [{"code": "a"}], "review": null}',
    '{"effect": "deny", "reasons": [{"code": "a", "rule": "r", "observed": 1.5}], "review": null}',
    '{"effect": "deny", "reasons": [{"code": "a", "rule": "r", "limit": {}}], "review": null}',
  ])('denies where the decision is %s', async (answer) => {
    expect(codeOf(await oddAtSeven(`decision := ${answer} if input.payment.amount == 7`), 7)).toBe('policy_malformed');
  });

  it.each(['', '{', 'null', '[]', '{}', '"text"', '{"payment": {"amount": "1"}}'])(
    'never throws and never allows for the input %j',
    async (text) => {
      const policy = await loadPolicy(await readStarterBundle());
      const { decision, resultText } = policy.evaluate(text);
      expect(decision.effect).toBe('deny');
      expect(JSON.parse(resultText)).toMatchObject({ effect: 'deny', review: null });
    },
  );

  it('gives the same text for the same input, also from another instance and after other inputs', async () => {
    const [one, two] = [await loadPolicy(await readStarterBundle()), await loadPolicy(await readStarterBundle())];
    const texts = Array.from({ length: 50 }, (_, index) =>
      JSON.stringify({ ...probeInput(one.meters, 'UTC'), approvals: [], index }),
    );
    const first = texts.map((text) => one.evaluate(text).resultText);
    expect(texts.toReversed().map((text) => two.evaluate(text).resultText)).toEqual(first.toReversed());
  });

  it('answers each input with its own figures, however many answers there were before, and nobody can change a shared one', async () => {
    const policy = await loadPolicy(
      await handMade(`meters := {}

decision := {"effect": "deny", "reasons": [{"code": "no", "rule": "r", "observed": input.payment.amount}], "review": null}`),
    );
    const amounts = Array.from({ length: 2_500 }, (_, index) => index + 1);
    for (const amount of [...amounts, ...amounts.toReversed()]) {
      const { decision, resultText } = policy.evaluate(inputOf(amount));
      expect(decision.reasons[0]?.observed).toBe(amount);
      expect(resultText).toContain(`"observed":${amount},`);
    }
    const shared = policy.evaluate(inputOf(1)).decision;
    expect(policy.evaluate(inputOf(1)).decision).toBe(shared);
    expect(() => Object.assign(shared, { effect: 'allow' })).toThrow(TypeError);
    expect(() => Object.assign(shared.reasons[0] ?? {}, { code: 'ok' })).toThrow(TypeError);
    expect(() => (shared.reasons as unknown[]).pop()).toThrow(TypeError);
  });

  it('holds inputs far larger than its first memory', async () => {
    const policy = await loadPolicy(await readStarterBundle());
    const input = probeInput(policy.meters, 'UTC');
    const hosts = Array.from({ length: 60_000 }, (_, index) => `host-${index}.example`);
    const large = JSON.stringify({ ...input, payee: { ...input.payee, hosts } });
    expect(policy.evaluate(large).decision.effect).toBe('allow');
    expect(policy.evaluate(JSON.stringify(input)).decision.effect).toBe('allow');
  });

  it('probes with a document that the schema of inputs takes', () => {
    expect(PolicyInput.safeParse(probeInput({}, 'Europe/Berlin')).success).toBe(true);
  });
});

describe('the digest', () => {
  it('is the sha-256 of the canonical bundle and does not hang on the order of keys', async () => {
    const { bundle, digest } = readBundle(await readStarterBundle());
    const shuffled = { ...bundle, files: Object.fromEntries(Object.entries(bundle.files).reverse()) };
    expect(digestOf(shuffled)).toBe(digest);
    expect(digestOf({ ...bundle, wasm: '' })).not.toBe(digest);
  });
});

/** (module (import "env" "memory" (memory 1)) (func (export "builtins") (result i32) (loop (br 0)) unreachable)), ABI 1.2. */
function loopingModule(): Uint8Array {
  const text = (value: string): number[] => [value.length, ...Buffer.from(value)];
  const section = (id: number, body: number[]): number[] => [id, body.length, ...body];
  const global = (value: number): number[] => [0x7f, 0, 0x41, value, 0x0b];
  return Uint8Array.from([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [1, 0x60, 0, 1, 0x7f]),
    ...section(2, [1, ...text('env'), ...text('memory'), 2, 0, 1]),
    ...section(3, [1, 0]),
    ...section(6, [2, ...global(1), ...global(2)]),
    ...section(7, [
      3,
      ...[...text('builtins'), 0, 0],
      ...[...text('opa_wasm_abi_version'), 3, 0],
      ...[...text('opa_wasm_abi_minor_version'), 3, 1],
    ]),
    ...section(10, [1, 8, 0, 3, 0x40, 0x0c, 0, 0x0b, 0, 0x0b]),
  ]);
}
