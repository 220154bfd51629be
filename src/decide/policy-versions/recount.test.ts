import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { eventBodies } from '../../../test/support/eventBodies.ts';
import { type GateWorld, gateWorld, NOON_MS } from '../../../test/support/gateWorld.ts';
import { handMade } from '../../../test/support/handMadePolicy.ts';
import { starterWith } from '../../../test/support/stricterPolicy.ts';
import { bookChecks } from '../../books/ledger/bookChecks.ts';
import { parseUsdc } from '../../core/money/microUsdc.ts';
import { checkPayment, requestPayment } from '../payments/gate.ts';
import { transition } from '../payments/transition.ts';
import { resolveOpa } from '../policy/opa.ts';
import { readStarterBundle } from '../policy/starter.ts';
import { type Activations, openActivations } from './activations.ts';

const act = { actor: 'key_test', atMs: NOON_MS };
const allow = '{"effect": "allow", "reasons": [{"code": "ok", "rule": "r"}], "review": null}';
let world: GateWorld;
let policies: Activations;

/** A first run may have to build opa. */
beforeAll(async () => {
  await resolveOpa();
}, 900_000);
beforeEach(async () => {
  world = await gateWorld();
  policies = await openActivations(world.store, null, () => NOON_MS);
  await policies.load(await readStarterBundle(), 'starter', act);
  await policies.activate(world.policy.digest, 'activate', act);
});
afterEach(() => world.store.close());

const activate = async (bundle: string) =>
  policies.activate((await policies.load(bundle, 'another', act)).digest, 'activate', act);
const pay = async (usdc: string, atMs = NOON_MS) =>
  (
    await world.store.write((tx) =>
      requestPayment(
        tx,
        world.request({ amount: parseUsdc(usdc) }),
        world.context({ policy: policies.active(), atMs }),
      ),
    )
  ).payment;
const spentToday = async () => {
  const { evidence } = await world.store.read((tx) =>
    checkPayment(tx, world.request(), world.context({ policy: policies.active() })),
  );
  return (JSON.parse(evidence.inputText) as { meters: Record<string, unknown> }).meters.agent_day;
};
const activations = async () =>
  (await eventBodies<{ data: Record<string, unknown> }>(world.store, 'policy.activated', 'policy.rolled_back')).map(
    ({ data }) => data,
  );

describe('a budget that begins with an activation', () => {
  it('has in it what was spent by the same name under other rules: another zone opens no second day', async () => {
    for (const usdc of ['20', '20', '20']) await pay(usdc);
    const cancelled = await pay('7');
    await world.store.write((tx) => transition(tx, cancelled, 'cancel', act));
    await activate(await starterWith('timezone: UTC', 'timezone: Europe/Berlin'));
    expect(await spentToday()).toMatchObject({ total: 60_000_000, count: 3 });
    expect((await activations()).at(-1)).toMatchObject({
      meters_recounted: expect.arrayContaining(['agent_day']),
      payments: 3,
    });
    expect((await world.store.read(bookChecks)).filter(({ ok }) => !ok)).toEqual([]);
  });

  it('has in it what was spent while another policy decided that kept no such budget', async () => {
    await pay('20');
    await activate(await handMade(`meters := {}\n\ndecision := ${allow}`));
    const between = await pay('150');
    expect(between.state).toBe('authorized');
    await policies.rollback(act);
    expect(await spentToday()).toMatchObject({ total: 170_000_000, count: 2 });
    await pay('20');
    expect((await pay('20')).reasons.map(({ code }) => code)).toContain('agent_daily');
    await world.store.write((tx) => transition(tx, between, 'cancel', act));
    expect(await spentToday()).toMatchObject({ total: 40_000_000, count: 2 });
    expect((await world.store.read(bookChecks)).filter(({ ok }) => !ok)).toEqual([]);
  });

  it('is left as it stands where its rules stay the same', async () => {
    await pay('20');
    await activate(await starterWith('limit: "50.00"', 'limit: "40.00"'));
    expect(await spentToday()).toMatchObject({ total: 20_000_000, count: 1 });
    expect((await activations()).at(-1)).not.toHaveProperty('meters_recounted');
  });
});
