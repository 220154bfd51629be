import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { type GateWorld, gateWorld, NOON_MS } from '../../../test/support/gateWorld.ts';
import { handMade } from '../../../test/support/handMadePolicy.ts';
import { bookChecks } from '../../books/ledger/bookChecks.ts';
import { releaseFromMeters } from '../../books/meters/meters.ts';
import { refundToMeters, unrefundMeters } from '../../books/meters/refundMeters.ts';
import { mapInOrder } from '../../core/inOrder.ts';
import { microUsdc } from '../../core/money/microUsdc.ts';
import type { PaymentState } from '../../core/payment/states.ts';
import { statement } from '../../store/statement.ts';
import { openTestStore } from '../../store/testing/openTestStore.ts';
import { checkPayment, requestPayment } from '../payments/gate.ts';
import type { Payment } from '../payments/payment.ts';
import { findPayment } from '../payments/records.ts';
import { appendPaymentEvent, transition } from '../payments/transition.ts';
import { resolveOpa } from '../policy/opa.ts';
import { type Activations, openActivations } from './activations.ts';
import type { StagingOptions } from './staging.ts';

const setState = statement<{ id: string; state: PaymentState; at: number | null }>()((db, p) =>
  db.updateTable('payments').set({ state: p.state, settled_at: p.at }).where('id', '=', p.id),
);
const setRefund = statement<{ id: string; of: string }>()((db, p) =>
  db.updateTable('payments').set({ kind: 'refund', refund_of: p.of }).where('id', '=', p.id),
);

const HOUR = 3_600_000;
const act = { actor: 'key_test', atMs: NOON_MS };
const allow = '{"effect": "allow", "reasons": [{"code": "ok", "rule": "r"}], "review": null}';
const policyOf = (meters: Record<string, unknown>): Promise<string> =>
  handMade(`meters := ${JSON.stringify(meters)}\n\ndecision := ${allow}`);

const before = {
  same: { by: ['agent'], window: 'lifetime' },
  day: { by: [], window: { calendar: 'day', tz: 'UTC' } },
};
const after = {
  same: { by: ['agent'], window: 'lifetime' },
  day: { by: ['payee'], window: { calendar: 'day', tz: 'Asia/Tokyo' }, refunds: 'restore' },
  ever: { by: ['agent', 'payee'], window: 'lifetime', refunds: 'current' },
  hours: { by: ['agent'], window: { rolling: 'PT5H' }, refunds: 'restore' },
  moment: { by: [], window: { rolling: 'PT1H' }, refunds: 'current' },
  months: { by: ['kind'], window: { calendar: 'month', tz: 'UTC' }, kinds: ['payout', 'refund'] },
};
let [oldBundle, newBundle]: string[] = [];
beforeAll(async () => {
  await resolveOpa();
  [oldBundle, newBundle] = [await policyOf(before), await policyOf(after)];
}, 900_000);

type What = 'pay' | 'cancel' | 'refund' | 'unrefund' | 'settle';
type Step = { what: What; gap: number; amount: bigint; which: number; payee: boolean };
const steps = fc.array(
  fc.record({
    what: fc.constantFrom<What>('pay', 'pay', 'pay', 'cancel', 'refund', 'unrefund', 'settle'),
    gap: fc.integer({ min: 0, max: 2 * HOUR }),
    amount: fc.bigInt(2n, 1_000n),
    which: fc.nat(30),
    payee: fc.boolean(),
  }),
  { minLength: 6, maxLength: 24 },
);

/** A world in which the same steps can be taken as in another one. */
class Scene {
  readonly world: GateWorld;
  policies: Activations;
  atMs = NOON_MS;
  readonly made: string[] = [];
  readonly back = new Map<string, string>();

  constructor(world: GateWorld, policies: Activations) {
    this.world = world;
    this.policies = policies;
  }
  static async open(options: StagingOptions = {}, path?: string): Promise<Scene> {
    const world = await gateWorld(undefined, path);
    const scene = new Scene(world, await openActivations(world.store, null, () => NOON_MS, options));
    scene.policies = await openActivations(world.store, null, () => scene.atMs, options);
    return scene;
  }
  async activate(bundle: string | undefined): Promise<void> {
    const { digest } = await this.policies.load(bundle ?? '', 'test', act);
    await this.policies.activate(digest, 'activate', { actor: 'test', atMs: this.atMs });
  }
  request(amount: bigint, isPayee: boolean) {
    const who = isPayee ? { payee: this.world.payee.id } : { payee: null, address: `0x${'77'.repeat(20)}` as const };
    return this.world.request({ amount: microUsdc(amount), ...who });
  }
  async take({ what, gap, amount, which, payee }: Step): Promise<void> {
    this.atMs += gap;
    const { store } = this.world;
    const by = { actor: 'test', atMs: this.atMs };
    const pay = (): Promise<Payment> =>
      store.write(
        async (tx) =>
          (
            await requestPayment(
              tx,
              this.request(amount, payee),
              this.world.context({ ...this.policies.inForce(), atMs: this.atMs }),
            )
          ).payment,
      );
    const id = this.made[which % Math.max(1, this.made.length)];
    const found = id === undefined ? undefined : await store.read((tx) => findPayment(tx, id as Payment['id']));
    if (what === 'pay' || !found) return void this.made.push((await pay()).id);
    if (what === 'cancel' && found.state === 'authorized' && !this.back.has(found.id))
      await store.write((tx) => transition(tx, found, 'cancel', by));
    if (what === 'settle' && found.state === 'authorized')
      await store.write(async (tx) => {
        await tx.run(setState, { id: found.id, state: 'settled', at: this.atMs });
        await appendPaymentEvent(tx, found, 'payment.settled', by);
      });
    const meters = this.policies.active().meters;
    if (what === 'refund' && ['authorized', 'settled'].includes(found.state) && !this.back.has(found.id)) {
      const refund = await pay();
      this.back.set(found.id, refund.id);
      await store.write(async (tx) => {
        await tx.run(setRefund, { id: refund.id, of: found.id });
        await tx.run(setState, { id: refund.id, state: 'settled', at: this.atMs });
        await releaseFromMeters(tx, refund.id);
        await refundToMeters(
          tx,
          meters,
          { id: refund.id, originalId: found.id, amountMicro: refund.amount },
          this.atMs,
        );
        await appendPaymentEvent(tx, refund, 'payment.settled', by);
      });
    }
    const back = this.back.get(found.id);
    if (what === 'unrefund' && back)
      await store.write(async (tx) => {
        await unrefundMeters(tx, back);
        const refund = await findPayment(tx, back as Payment['id']);
        await tx.run(setState, { id: back, state: 'failed', at: null });
        if (refund) await appendPaymentEvent(tx, refund, 'payment.reorged', by);
        this.back.delete(found.id);
      });
  }
  /** What the new policy is shown, for each of the groups that there are. */
  async shown(atMs: number): Promise<unknown[]> {
    return mapInOrder([true, false], (isPayee) =>
      this.world.store.read(async (tx) => {
        const context = this.world.context({ policy: this.policies.active(), atMs });
        const { evidence } = await checkPayment(tx, this.request(1n, isPayee), context);
        const { meters } = JSON.parse(evidence.inputText) as {
          meters: Record<string, { total: number; count: number }>;
        };
        return Object.entries(meters).map(([name, { total, count }]) => [name, total, count]);
      }),
    );
  }
  async faults(): Promise<unknown[]> {
    const about = ['meters_match_entries', 'rolling_entries_count'];
    return (await this.world.store.read(bookChecks)).filter(({ name, ok }) => about.includes(name) && !ok);
  }
}

describe('an activation that counts page by page', () => {
  it(
    'leaves the totals of meters that had always been there, whatever happens between its pages',
    () =>
      fc.assert(
        fc.asyncProperty(steps, steps, steps, async (first, meanwhile, later) => {
          const always = await Scene.open();
          await always.activate(newBundle);
          const rest = [...meanwhile];
          let scene: Scene | null = null;
          const onPage = async (): Promise<void> => {
            const step = rest.shift();
            if (step && scene) await scene.take(step);
          };
          const staged = await Scene.open({ short: 0, page: 2, onPage });
          await staged.activate(oldBundle);
          for (const step of first) {
            await always.take(step);
            await staged.take(step);
          }
          scene = staged;
          await staged.activate(newBundle);
          const taken = meanwhile.length - rest.length;
          rest.length = 0;
          expect(taken).toBeGreaterThan(0);
          // The old policy decided what came meanwhile.
          for (const step of meanwhile.slice(0, taken)) await always.take(step);
          always.atMs = Math.max(always.atMs, staged.atMs);
          for (const ahead of [0, HOUR, 6 * HOUR]) {
            expect(await staged.shown(staged.atMs + ahead)).toEqual(await always.shown(staged.atMs + ahead));
          }
          expect(await staged.faults()).toEqual([]);
          for (const step of later) {
            await always.take(step);
            await staged.take(step);
          }
          expect(await staged.shown(staged.atMs)).toEqual(await always.shown(staged.atMs));
          expect(await staged.faults()).toEqual([]);
          for (const each of [always, staged]) await each.world.store.close();
        }),
        { numRuns: 12, endOnFailure: true },
      ),
    180_000,
  );

  it('answers requests between its pages, by the policy before it', async () => {
    const decided: string[] = [];
    let scene: Scene | null = null;
    const onPage = async (): Promise<void> => {
      if (!scene || decided.length >= 20) return;
      const request = scene.request(1n, true);
      const context = scene.world.context(scene.policies.inForce());
      const { payment } = await scene.world.store.write((tx) => requestPayment(tx, request, context));
      decided.push(payment.policyDigest ?? '');
    };
    const staged = await Scene.open({ short: 0, page: 10, onPage });
    await staged.activate(oldBundle);
    for (let i = 0; i < 205; i += 1) await staged.take({ what: 'pay', gap: 1, amount: 2n, which: 0, payee: true });
    const old = staged.policies.active().digest;
    scene = staged;
    await staged.activate(newBundle);
    expect(decided).toHaveLength(20);
    expect(new Set(decided)).toEqual(new Set([old]));
    expect(staged.policies.active().digest).not.toBe(old);
    // 205 of 2 and 20 of 1 from one agent to one payee.
    expect((await staged.shown(staged.atMs))[0]).toContainEqual(['ever', 430, 225]);
    await staged.world.store.close();
  });

  it('that ends in the middle changes nothing, and the next one begins again', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'bursar-staging-'));
    const path = join(folder, 'bursar.sqlite');
    let pages = 0;
    const onPage = async (): Promise<void> => {
      pages += 1;
      if (pages === 3) throw new Error('the process ends here');
    };
    const staged = await Scene.open({ short: 0, page: 2, onPage }, path);
    await staged.activate(oldBundle);
    for (let i = 0; i < 20; i += 1)
      await staged.take({ what: 'pay', gap: HOUR / 2, amount: 3n, which: 0, payee: true });
    const shown = await staged.shown(staged.atMs);
    await expect(staged.activate(newBundle)).rejects.toThrow('the process ends here');
    await staged.world.store.close();

    const store = await openTestStore(path);
    const again = new Scene(
      { ...staged.world, store },
      await openActivations(store, null, () => staged.atMs, { short: 0, page: 2 }),
    );
    again.atMs = staged.atMs;
    expect(await again.shown(again.atMs)).toEqual(shown);
    expect(await again.faults()).toEqual([]);
    await again.activate(newBundle);
    expect((await again.shown(again.atMs))[0]).toEqual(
      expect.arrayContaining([
        ['ever', 60, 20],
        ['hours', 33, 11],
        ['moment', 9, 3],
        ['months', 60, 20],
        ['same', 60, 20],
      ]),
    );
    expect(await again.faults()).toEqual([]);
    await store.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it('twice at once, and back again, ends with the last one and its totals', async () => {
    const scene = await Scene.open({ short: 0, page: 3 });
    await scene.activate(oldBundle);
    for (let i = 0; i < 12; i += 1) await scene.take({ what: 'pay', gap: 1, amount: 5n, which: 0, payee: i % 2 === 0 });
    const third = await policyOf({ ...after, ever: { by: ['payee'], window: 'lifetime' } });
    await Promise.all([scene.activate(newBundle), scene.activate(third)]);
    expect((await scene.shown(scene.atMs))[0]).toContainEqual(['ever', 30, 6]);
    await scene.policies.rollback({ actor: 'test', atMs: scene.atMs });
    await scene.take({ what: 'pay', gap: 1, amount: 5n, which: 0, payee: true });
    await scene.policies.rollback({ actor: 'test', atMs: scene.atMs });
    expect((await scene.shown(scene.atMs))[0]).toContainEqual(['ever', 35, 7]);
    expect(await scene.faults()).toEqual([]);
    await scene.world.store.close();
  });
});
