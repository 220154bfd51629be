import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type GateWorld, gateWorld } from '../../../test/support/gateWorld.ts';
import { BursarError } from '../../core/errors/base.ts';
import { limitPages } from '../../store/limitPages.ts';
import { statement } from '../../store/statement.ts';
import type { Store, Tx } from '../../store/store.ts';
import { setAgentStatus } from '../identity/agents.ts';
import { createGate, type Gate } from './gateQueue.ts';
import type { PaymentRequest } from './request.ts';

let folder: string;
let world: GateWorld;
let gate: Gate;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'bursar-gate-'));
  world = await gateWorld(undefined, join(folder, 'bursar.db'));
  gate = createGate(world.store, () => world.context());
});
afterEach(async () => {
  await world.store.close();
  rmSync(folder, { recursive: true, force: true });
});

const ask = async (changes: Partial<PaymentRequest> = {}, alsoWrite?: (tx: Tx) => Promise<unknown>) => {
  const asked = { request: world.request(changes), actor: 'key_test' };
  return (await gate.ask(alsoWrite ? { ...asked, alsoWrite } : asked))?.answer;
};
const countPayments = statement()((db) => db.selectFrom('payments').select((eb) => eb.fn.countAll<bigint>().as('n')));
const payments = async (): Promise<number> => Number((await world.store.read((tx) => tx.get(countPayments)))?.n);
const addSetting = statement<{ name: string; value: string }>()((db, p) =>
  db.insertInto('settings').values({ name: p.name, value: p.value }),
);

describe('a group of requests', () => {
  it('pays once for two callers with one key, and both hear of that payment', async () => {
    const both = await Promise.all([ask({ idempotencyKey: 'order-0001' }), ask({ idempotencyKey: 'order-0001' })]);
    expect(both.map((answer) => answer?.replayed)).toEqual([false, true]);
    expect(both[0]?.payment.id).toBe(both[1]?.payment.id);
    expect(await payments()).toBe(1);
  });

  it('refuses the second of two bodies under one key', async () => {
    const results = await Promise.allSettled([
      ask({ idempotencyKey: 'order-0001' }),
      ask({ idempotencyKey: 'order-0001', bodyHash: 'another' }),
    ]);
    expect(results).toMatchObject([{ status: 'fulfilled' }, { reason: { code: 'idempotency_conflict' } }]);
    expect(await payments()).toBe(1);
  });

  it('decides the others where one names nobody', async () => {
    const results = await Promise.allSettled([ask(), ask({ payee: 'nobody' }), ask()]);
    expect(results).toMatchObject([
      { value: { payment: { state: 'authorized' } } },
      { reason: { code: 'payee_not_found' } },
      { value: { payment: { state: 'authorized' } } },
    ]);
    expect(await payments()).toBe(2);
  });

  it('decides nothing of an agent whose wallet is on another chain, and gives out no nonce', async () => {
    const elsewhere = createGate(world.store, () => {
      const rules = world.context();
      return { ...rules, chain: { ...rules.chain, chainId: 8453, network: 'eip155:8453' } };
    });
    const asked = elsewhere.ask({ request: world.request(), actor: 'key_test' });
    await expect(asked).rejects.toMatchObject({ code: 'not_configured' });
    expect(await payments()).toBe(0);
    expect((await ask())?.payment.walletNonce).toBe(0n);
  });

  it('undoes one alone whose follow-up fails, and the others are paid once', async () => {
    const results = await Promise.allSettled([
      ask({}, (tx) => tx.run(addSetting, { name: 'a', value: '' })),
      ask({}, async (tx) => {
        await tx.run(addSetting, { name: 'b', value: '' });
        throw new BursarError('conflict');
      }),
      ask({}, (tx) => tx.run(addSetting, { name: 'a', value: '' })),
      ask(),
    ]);
    expect(results).toMatchObject([
      { status: 'fulfilled' },
      { reason: { code: 'conflict' } },
      { reason: { code: 'conflict' } },
      { status: 'fulfilled' },
    ]);
    expect(await payments()).toBe(2);
  });

  it('answers every caller with an error where the disk is full, and leaves nothing', async () => {
    await ask();
    await limitPages(world.store, 1n);
    const big = (tx: Tx): Promise<number> =>
      tx.run(addSetting, { name: String(Math.random()), value: 'x'.repeat(100_000) });
    const results = await Promise.allSettled([ask({}, big), ask({}, big), ask({}, big)]);
    for (const result of results) expect(result).toMatchObject({ reason: { code: 'storage_full' } });
    expect(await payments()).toBe(1);
  });

  it('asks nothing where there is nothing to ask any more, and tells what refuses a request that is made inside', async () => {
    const actor = 'key_test';
    const results = await Promise.allSettled([
      gate.ask({ request: async () => null, actor }),
      gate.ask({
        request: async () => {
          throw new BursarError('workflow_not_found');
        },
        actor,
      }),
      gate.ask({ request: async () => world.request(), actor }),
    ]);
    expect(results).toMatchObject([
      { value: null },
      { reason: { code: 'workflow_not_found' } },
      { value: { answer: { payment: { state: 'authorized' } } } },
    ]);
  });

  it('is refused as a whole without a policy, and nothing is written', async () => {
    const without = createGate(world.store, () => {
      throw new BursarError('policy_unavailable');
    });
    const asked = () => without.ask({ request: world.request(), actor: 'key_test' });
    const results = await Promise.allSettled([asked(), asked()]);
    for (const result of results) expect(result).toMatchObject({ reason: { code: 'policy_unavailable' } });
    expect(await payments()).toBe(0);
  });

  it('refuses what is asked of a store that is closed', async () => {
    await world.store.close();
    const results = await Promise.allSettled([ask(), ask()]);
    for (const result of results) expect(result).toMatchObject({ reason: { code: 'storage_failed' } });
    world = await gateWorld(undefined, join(folder, 'other.db'));
  });

  it('of more than fit into one commit is decided whole', async () => {
    const all = await Promise.all(Array.from({ length: 600 }, () => ask({ amount: world.request().amount })));
    expect(new Set(all.map((answer) => answer?.payment.id)).size).toBe(600);
    expect(await payments()).toBe(600);
  });
});

describe('what the gate keeps of who there is', () => {
  it('is forgotten with any change', async () => {
    expect((await ask())?.payment.state).toBe('authorized');
    const act = { actor: 'test', atMs: world.context().atMs };
    await world.store.write((tx) => setAgentStatus(tx, act, world.agent.id, { status: 'frozen', reason: null }));
    expect((await ask())?.payment.state).toBe('denied');
  });

  it('is not that of a transaction which was undone', async () => {
    await ask();
    const act = { actor: 'test', atMs: world.context().atMs };
    const undone = world.store.write(async (tx) => {
      await setAgentStatus(tx, act, world.agent.id, { status: 'frozen', reason: null });
      throw new Error('undone');
    });
    const after = ask();
    await expect(undone).rejects.toThrow('undone');
    expect((await after)?.payment.state).toBe('authorized');
    // The epoch that was rolled back comes again, with another change.
    await world.store.write((tx) => setAgentStatus(tx, act, world.agent.id, { status: 'active', reason: 'looked at' }));
    expect((await ask())?.payment.state).toBe('authorized');
  });

  it('is not that of a run which the store has undone and runs again', async () => {
    const { store, agent, addAgent } = world;
    const other = await addAgent('other', '1');
    const act = { actor: 'test', atMs: world.context().atMs };
    const frozen = { status: 'frozen', reason: null } as const;
    let runs = 0;
    const twice: Store['write'] = async (job) => {
      const first = store.write(async (tx) => {
        await setAgentStatus(tx, act, agent.id, frozen);
        await job(tx);
        throw new Error('undone');
      });
      await expect(first).rejects.toThrow('undone');
      // The epoch that was rolled back comes again, with another change.
      await store.write((tx) => setAgentStatus(tx, act, other.id, frozen));
      runs += 1;
      return await store.write(job);
    };
    gate = createGate({ ...store, write: twice, writeBeside: twice }, () => world.context());
    expect((await ask())?.payment.state).toBe('authorized');
    expect((await ask({ agentId: other.id }, async () => undefined))?.payment.state).toBe('denied');
    expect(runs).toBe(2);
  });
});
