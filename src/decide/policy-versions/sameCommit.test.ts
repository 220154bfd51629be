import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type GateWorld, gateWorld, NOON_MS } from '../../../test/support/gateWorld.ts';
import { handMade } from '../../../test/support/handMadePolicy.ts';
import { bookChecks } from '../../books/ledger/bookChecks.ts';
import { parseUsdc } from '../../core/money/microUsdc.ts';
import { query } from '../../store/statement.ts';
import { requestPayment } from '../payments/gate.ts';
import { resolveOpa } from '../policy/opa.ts';
import { type Activations, openActivations, type RegistryPort } from './activations.ts';

const act = { actor: 'key_test', atMs: NOON_MS };
const allow = '{"effect": "allow", "reasons": [{"code": "ok", "rule": "r"}], "review": null}';
const counting = (by: string) =>
  handMade(`meters := {"spent": {"by": [${by}], "window": "lifetime"}}\n\ndecision := ${allow}`);

let world: GateWorld;
let policies: Activations;
/** What happens on chain before each activation is written; by it several are written in one commit. */
let onChain: RegistryPort['ensureActive'];

beforeAll(async () => {
  await resolveOpa();
}, 900_000);
beforeEach(async () => {
  world = await gateWorld();
  onChain = async () => {};
  policies = await openActivations(world.store, { ensureActive: (digest) => onChain(digest, false) }, () => NOON_MS);
});
afterEach(() => world.store.close());

const load = async (by: string) => (await policies.load(await counting(by), 'another', act)).digest;
const pay = (usdc: string) =>
  world.store.write(async (tx) => {
    const request = world.request({ amount: parseUsdc(usdc) });
    return requestPayment(tx, request, world.context(policies.inForce()));
  });
/** Long enough for anyone who goes on now to have read what decides and queued what it writes, and still before the commit. */
async function turns(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await null;
  await world.store.read(async () => {});
  for (let turn = 0; turn < 20; turn += 1) await null;
}
/** Lets several go on at the same moment. */
function gather(count: number): () => Promise<void> {
  let resolve = (): void => {};
  const promise = new Promise<void>((go) => {
    resolve = go;
  });
  let come = 0;
  return () => {
    come += 1;
    if (come === count) resolve();
    return promise;
  };
}
const totals = () =>
  world.store.read((tx) =>
    tx.all(
      query((db) =>
        db
          .selectFrom('meters')
          .select(['grp', 'total_micro'])
          .where('meter', '=', 'spent')
          .where('total_micro', '>', 0n)
          .orderBy('id'),
      ),
    ),
  );
const grp = (...values: string[]) => values.map((value) => `${value}\u001f`).join('');

describe('in the same commit as an activation', () => {
  it('a payment asked for after it is decided and counted by the new policy', async () => {
    await policies.activate(await load('"agent"'), 'activate', act);
    const digest = await load('"payee"');
    let paid: ReturnType<typeof pay> | undefined;
    onChain = async () => {
      void turns().then(() => {
        paid = pay('2');
      });
    };
    let writtenFirst = false;
    await policies.activate(digest, 'activate', act).then(() => {
      writtenFirst = paid !== undefined;
    });
    expect(writtenFirst).toBe(true);
    expect((await paid)?.payment.policyDigest).toBe(digest);
    expect(await totals()).toEqual([{ grp: grp(world.payee.id), total_micro: 2_000_000n }]);
  });

  it('a second activation counts again what the first has left, not what stood before both', async () => {
    const [first, second] = [await load('"agent"'), await load('"payee"')];
    await policies.activate(first, 'activate', act);
    await pay('3');
    const both = gather(2);
    onChain = async (digest) => {
      await both();
      if (digest === first) await turns();
    };
    await Promise.all([policies.activate(second, 'activate', act), policies.activate(first, 'activate', act)]);
    expect(policies.active().digest).toBe(first);
    expect(await totals()).toEqual([{ grp: grp(world.agent.id), total_micro: 3_000_000n }]);
    expect((await world.store.read(bookChecks)).filter(({ ok }) => !ok)).toEqual([]);
  });

  it('one that the disk refuses leaves the policy before it in force', async () => {
    const [first, second] = [await load('"agent"'), await load('"payee"')];
    await policies.activate(first, 'activate', act);
    let ran = false;
    onChain = async () => {
      void turns().then(() =>
        // Comes behind it and ends their whole commit, as a full disk does.
        world.store
          .write(async (tx) => {
            ran = policies.active().digest === second;
            const row = { name: 'x', value: '' };
            await tx.run(query((db) => db.insertInto('settings').orRollback().values([row, row])));
          })
          .catch(() => {}),
      );
    };
    await expect(policies.activate(second, 'activate', act)).rejects.toMatchObject({ code: 'conflict' });
    expect(ran).toBe(true);
    expect(policies.active().digest).toBe(first);
    onChain = async () => {};
    await policies.activate(second, 'activate', act);
    expect((await pay('1')).payment.policyDigest).toBe(second);
  });
});
