import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { eventBodies } from '../../../test/support/eventBodies.ts';
import { type GateWorld, gateWorld, NOON_MS } from '../../../test/support/gateWorld.ts';
import { handMade } from '../../../test/support/handMadePolicy.ts';
import { stricterBundle } from '../../../test/support/stricterPolicy.ts';
import { parseUsdc } from '../../core/money/microUsdc.ts';
import { setAgentStatus } from '../identity/agents.ts';
import { createGate, type Gate } from '../payments/gateQueue.ts';
import { resolveOpa } from '../policy/opa.ts';
import { readStarterBundle } from '../policy/starter.ts';
import { type Activations, openActivations } from './activations.ts';

const act = { actor: 'key_test', atMs: NOON_MS };
const allow = '{"effect": "allow", "reasons": [{"code": "ok", "rule": "r"}], "review": null}';
type Event = { type: string; policy_digest: string };

type OneServer = { policies: Activations; gate: Gate };
let world: GateWorld;
let a: OneServer;
let b: OneServer;
let strict: string;

/** What one server keeps in memory, over the store that all share. */
async function server(): Promise<OneServer> {
  const policies = await openActivations(world.store, null, () => NOON_MS);
  const queue = createGate(world.store, async (tx) => world.context(await policies.rulesIn(tx)));
  return { policies, gate: { ask: (ask) => policies.upToDate(() => queue.ask(ask)) } };
}
const pay = async ({ gate }: OneServer, usdc = '10') =>
  (await gate.ask({ request: world.request({ amount: parseUsdc(usdc) }), actor: 'key_test' }))?.answer.payment;

beforeAll(async () => {
  await resolveOpa();
}, 900_000);
beforeEach(async () => {
  world = await gateWorld();
  a = await server();
  await a.policies.load(await readStarterBundle(), 'starter', act);
  strict = (await a.policies.load(await stricterBundle(), 'lower cap', act)).digest;
  await a.policies.activate(world.policy.digest, 'activate', act);
  b = await server();
});
afterEach(() => world.store.close());

describe('two servers on one store', () => {
  it('decide by a policy that the other one has activated, from its next group on', async () => {
    expect(await pay(b, '45')).toMatchObject({ state: 'in_review', policyDigest: world.policy.digest });
    await a.policies.activate(strict, 'activate', act);
    expect(b.policies.current()?.digest).toBe(world.policy.digest);
    expect(await pay(b, '45')).toMatchObject({ state: 'denied', policyDigest: strict });
    expect(b.policies.current()?.digest).toBe(strict);
  });

  it('refuse, and write nothing, where nobody loads the new policy', async () => {
    const stale = createGate(world.store, async (tx) => world.context(await b.policies.rulesIn(tx)));
    await a.policies.activate(strict, 'activate', act);
    await expect(pay({ ...b, gate: stale })).rejects.toMatchObject({ code: 'policy_behind' });
    expect(await eventBodies(world.store, 'payment.requested')).toEqual([]);
  });

  it('get a first policy as well', async () => {
    const fresh = await gateWorld();
    const before = world;
    world = fresh;
    try {
      const [one, other] = [await server(), await server()];
      await expect(pay(other)).rejects.toMatchObject({ code: 'policy_unavailable' });
      await one.policies.load(await readStarterBundle(), 'starter', act);
      await one.policies.activate(fresh.policy.digest, 'activate', act);
      expect(await pay(other)).toMatchObject({ state: 'authorized' });
    } finally {
      await fresh.store.close();
      world = before;
    }
  });

  it('activate at the same time: one after the other, and the last counts on both', async () => {
    const [one, other] = await Promise.all(
      ['[]', '["agent"]'].map(async (by) => {
        const bundle = await handMade(
          `meters := {"spent": {"by": ${by}, "window": "lifetime"}}\n\ndecision := ${allow}`,
        );
        return (await a.policies.load(bundle, 'another', act)).digest;
      }),
    );
    await pay(a);
    await Promise.all([
      a.policies.activate(one as string, 'activate', act),
      b.policies.activate(other as string, 'activate', act),
      pay(a),
      pay(b),
    ]);
    const [first, second] = [await pay(a), await pay(b)];
    expect(first?.policyDigest).toBe(second?.policyDigest);
    expect([one, other]).toContain(first?.policyDigest);
  });

  it('decide each payment by the policy that was activated last before it, in the order of events', async () => {
    const acts: Promise<unknown>[] = [];
    for (let round = 0; round < 6; round += 1) {
      for (const each of [a, b, a, b]) acts.push(pay(each, '1'));
      const [by, digest] = round % 2 === 0 ? [a, strict] : [b, world.policy.digest];
      acts.push(by.policies.activate(digest, 'activate', act));
      for (const each of [b, a]) acts.push(pay(each, '1'));
      // Some come while the activation is written, some after it.
      if (round % 3 === 0) await Promise.all(acts);
    }
    await Promise.all(acts);
    const events = await eventBodies<Event>(
      world.store,
      'policy.activated',
      'payment.allowed',
      'payment.denied',
      'payment.review_requested',
    );
    let active: string | null = null;
    let decided = 0;
    for (const { type, policy_digest: digest } of events) {
      if (type === 'policy.activated') active = digest;
      if (!type.startsWith('payment.')) continue;
      expect(digest).toBe(active);
      decided += 1;
    }
    expect(decided).toBeGreaterThanOrEqual(36);
  });

  it('ask a candidate that the other one has begun, and no more when it has ended it', async () => {
    await a.policies.startShadow(strict, act);
    await b.policies.sync();
    expect(b.policies.shadow()?.policy.digest).toBe(strict);
    await pay(b, '45');
    expect(await eventBodies(world.store, 'policy.shadow_differs')).toHaveLength(1);
    await a.policies.endShadow(act);
    await b.policies.sync();
    expect(b.policies.shadow()).toBeNull();
  });

  it('pay nothing for an agent that the other one has frozen, from the next group on', async () => {
    expect(await pay(b)).toMatchObject({ state: 'authorized' });
    await world.store.write((tx) => setAgentStatus(tx, act, world.agent.id, { status: 'frozen', reason: null }));
    expect(await pay(b)).toMatchObject({ state: 'denied' });
    expect(await pay(a)).toMatchObject({ state: 'denied' });
  });
});
