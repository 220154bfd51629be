import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { holdingStates } from '../../books/ledger/bookChecks.ts';
import { BursarError } from '../../core/errors/base.ts';
import { mapInOrder } from '../../core/inOrder.ts';
import { holdsMoney, states } from '../../core/payment/states.ts';
import { asLeader } from '../../store/leases/testing/asLeader.ts';
import { query } from '../../store/statement.ts';
import { openTestStore } from '../../store/testing/openTestStore.ts';
import { createFollower } from './follower.ts';
import {
  accountsOf,
  addAgent,
  addPayment,
  alertsOf,
  CHAIN_ID,
  eventsOf,
  OUTSIDER,
  openBooks,
  POLICY,
  payItem,
  SELLER,
  stateOf,
  TREASURY,
} from './testing/books.ts';
import { ModelChain } from './testing/modelChain.ts';
import { FINALITY_DEPTH, findings, type Scene, scene } from './testing/scene.ts';

let set: Scene;
beforeEach(async () => {
  set = await scene();
});
afterEach(() => set.store.close());
const deposit = (amount: bigint) => ({ kind: 'transfer', from: TREASURY, to: set.agent.wallet, amount }) as const;

describe('a tick', () => {
  it('does nothing when there is nothing new, however often', async () => {
    const events = (await eventsOf(set.store)).length;
    for (let times = 0; times < 3; times += 1) {
      expect(await set.follower.tick()).toMatchObject({ status: 'synced', applied: 0, rolledBack: 0, error: null });
    }
    expect(await eventsOf(set.store)).toHaveLength(events);
  });

  it('is shared by those who ask for one while it runs', async () => {
    set.chain.mine([]);
    const [one, two] = await Promise.all([set.follower.tick(), set.follower.tick()]);
    expect(one).toBe(two);
  });

  it('applies so many blocks at most, and says that there are more', async () => {
    set.restart({ maxBlocksPerTick: 7 });
    set.chain.mineEmpty(10);
    expect(await set.follower.tick()).toMatchObject({ status: 'behind', applied: 7 });
    expect(await set.follower.tick()).toMatchObject({ status: 'synced', applied: 3 });
  });

  it('keeps only the blocks that are not final, and the last that is', async () => {
    set.chain.mineEmpty(50);
    await set.follow();
    const kept = await set.store.read((tx) =>
      tx.all(query((db) => db.selectFrom('blocks').select('number').orderBy('number'))),
    );
    const head = set.chain.tip.header.number;
    expect(kept.map(({ number }) => number)).toEqual([head - 3n, head - 2n, head - 1n, head]);
  });

  it('of two followers on the same books applies each block once', async () => {
    const other = createFollower({
      store: asLeader(set.store),
      chain: set.chain,
      clock: () => 0,
      chainId: CHAIN_ID,
      finality: { kind: 'depth', blocks: FINALITY_DEPTH },
    });
    set.chain.mine(set.chain.send(deposit(5n)));
    await Promise.all([set.follower.tick(), other.tick()]);
    await Promise.all([set.follower.tick(), other.tick()]);
    expect(await accountsOf(set.store, set.agent)).toEqual({ available: 100_000_005n });
    expect(await findings(set)).toEqual([]);
  });
});

describe('catching up', () => {
  it('over a long time goes by ranges, with the same books as block by block', async () => {
    const payments = await Promise.all(
      Array.from({ length: 5 }, () =>
        set.store.write((tx) => addPayment(tx, { agent: set.agent, to: SELLER, amount: 1_000_000n })),
      ),
    );
    for (const payment of payments) {
      set.chain.mineEmpty(8);
      set.chain.mine(
        set.chain.send(
          { kind: 'pay', wallet: set.agent.wallet, policyDigest: POLICY, items: [payItem(payment)] },
          deposit(1n),
        ),
      );
    }
    let asked = 0;
    set.chain.beforeLogs = () => {
      asked += 1;
    };
    set.restart({ blocksPerRange: 20 });
    await set.follow();
    expect(asked).toBe(3 + FINALITY_DEPTH);
    expect(await mapInOrder(payments, (payment) => stateOf(set.store, payment))).toEqual([
      'final',
      'final',
      'final',
      'final',
      'settled',
    ]);
    expect(await accountsOf(set.store, set.agent)).toEqual({ available: 95_000_005n });
    expect(await findings(set)).toEqual([]);
  });

  it('goes on after a restart from a database file, also across a reorg that happened meanwhile', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'bursar-follower-'));
    const chain = new ModelChain();
    const options = {
      chain,
      clock: () => 0,
      chainId: CHAIN_ID,
      finality: { kind: 'depth', blocks: 3 },
      startBlock: 0n,
    } as const;
    const first = await openBooks(join(folder, 'books.db'));
    const agent = await addAgent(first, 'payer');
    chain.mine(chain.send({ kind: 'mint', to: TREASURY, amount: 100n }));
    chain.mine(chain.send({ kind: 'transfer', from: TREASURY, to: agent.wallet, amount: 10n }));
    await createFollower({ store: asLeader(first), ...options }).tick();
    expect(await accountsOf(first, agent)).toEqual({ available: 10n });
    await first.close();
    chain.drop(1);
    chain.mine(chain.send({ kind: 'transfer', from: TREASURY, to: agent.wallet, amount: 30n }));
    chain.mineEmpty(2);
    const second = await openTestStore(join(folder, 'books.db'));
    const report = await createFollower({ store: asLeader(second), ...options }).tick();
    expect(report).toMatchObject({ status: 'synced', rolledBack: 1, applied: 3 });
    expect(await accountsOf(second, agent)).toEqual({ available: 30n });
    await second.close();
    rmSync(folder, { recursive: true });
  });

  it('starts at the newest final block where nothing else is said, with what is there as opening balance', async () => {
    const store = await openBooks();
    const agent = await addAgent(store, 'payer', set.agent);
    set.chain.mineEmpty(5);
    const follower = createFollower({
      store: asLeader(store),
      chain: set.chain,
      clock: () => 0,
      chainId: CHAIN_ID,
      finality: { kind: 'depth', blocks: 3 },
    });
    expect(await follower.tick()).toMatchObject({ status: 'synced', applied: 3 });
    expect(await accountsOf(store, agent)).toEqual({ suspense: 100_000_000n });
    await store.close();
  });

  it('by the finalized tag waits for it, and takes nothing for final without it', async () => {
    set.restart({ finality: { kind: 'tag' } });
    const payment = await set.store.write((tx) => addPayment(tx, { agent: set.agent, to: SELLER, amount: 1n }));
    await set.happen({ kind: 'pay', wallet: set.agent.wallet, policyDigest: POLICY, items: [payItem(payment)] });
    set.chain.mineEmpty(20);
    await set.follow();
    expect(await stateOf(set.store, payment)).toBe('settled');
    set.chain.finalizedTag = set.chain.tip.header.number - 1n;
    await set.follow();
    expect(await stateOf(set.store, payment)).toBe('final');
  });
});

describe('an RPC', () => {
  it('that is down is told of once, and so is its return; nothing is lost', async () => {
    set.chain.mine(set.chain.send(deposit(5n)));
    set.chain.failure = new Error('connect ECONNREFUSED');
    for (let times = 0; times < 3; times += 1) {
      expect(await set.follower.tick()).toMatchObject({ status: 'unavailable', error: { code: 'chain_unavailable' } });
    }
    set.restart();
    await set.follower.tick();
    expect(await eventsOf(set.store, 'chain.unavailable', 'chain.recovered')).toEqual(['chain.unavailable']);
    set.chain.failure = null;
    await set.follow();
    await set.follow();
    expect(await eventsOf(set.store, 'chain.unavailable', 'chain.recovered')).toEqual([
      'chain.unavailable',
      'chain.recovered',
    ]);
    expect(await accountsOf(set.store, set.agent)).toEqual({ available: 100_000_005n });
  });

  it('that fails in the middle of a tick leaves the books at a block', async () => {
    set.chain.mine(set.chain.send(deposit(5n)));
    let calls = 0;
    set.chain.beforeLogs = () => {
      calls += 1;
      if (calls === 2) throw new Error('timeout');
    };
    set.chain.mineEmpty(1);
    expect((await set.follower.tick()).status).toBe('unavailable');
    expect(await findings(set)).toEqual([]);
    await set.follow();
    expect(await accountsOf(set.store, set.agent)).toEqual({ available: 100_000_005n });
  });

  it('that does not even have what is final here is out of order, and says what may be the matter', async () => {
    const { blocks } = set.chain;
    set.chain.mineEmpty(10);
    await set.follow();
    set.chain.blocks = blocks.slice(0, 5);
    expect(await set.follower.tick()).toMatchObject({
      status: 'unavailable',
      error: { message: expect.stringMatching(/below what is final here/) },
    });
    set.chain.blocks = blocks;
    expect((await set.follower.tick()).status).toBe('synced');
  });

  it('of another chain stops the follower for good', async () => {
    set.chain.failure = new BursarError('chain_mismatch', { message: 'The RPC serves chain 1.' });
    expect(await set.follower.tick()).toMatchObject({ status: 'stopped', error: { code: 'chain_mismatch' } });
    set.chain.failure = null;
    expect(await set.follower.tick()).toMatchObject({ status: 'stopped', error: { code: 'chain_mismatch' } });
    expect(await alertsOf(set.store)).toMatchObject([{ type: 'chain_mismatch', open: true }]);
    set.restart();
    await set.happen();
    expect(await alertsOf(set.store)).toMatchObject([{ type: 'chain_mismatch', open: false }]);
  });

  it('that gives logs of another branch is asked again', async () => {
    const { logs } = set.chain;
    set.chain.logs = async (range, scope) =>
      (await logs(range, scope)).map((log) => ({ ...log, blockHash: `0x${'99'.repeat(32)}` as const }));
    const [before] = [await accountsOf(set.store, set.agent)];
    set.chain.mine(set.chain.send(deposit(5n)));
    expect((await set.follower.tick()).status).toBe('waiting');
    set.chain.mineEmpty(10);
    expect((await set.follower.tick()).status).toBe('waiting');
    expect(await accountsOf(set.store, set.agent)).toEqual(before);
    set.chain.logs = logs;
    await set.follow();
    expect(await accountsOf(set.store, set.agent)).toEqual({ available: 100_000_005n });
  });

  it('that sends a log nobody can read is treated as one that does not answer', async () => {
    const { logs } = set.chain;
    set.chain.logs = async (range, scope) =>
      (await logs(range, scope)).map((log) => ({ ...log, topics: log.topics.slice(0, 2) }));
    set.chain.mine(set.chain.send(deposit(5n)));
    expect((await set.follower.tick()).status).toBe('unavailable');
    set.chain.logs = logs;
    await set.follow();
    expect(await accountsOf(set.store, set.agent)).toEqual({ available: 100_000_005n });
  });

  it('that gives more logs than asked for changes nothing by it', async () => {
    await set.happen(
      { kind: 'mint', to: OUTSIDER, amount: 5n },
      { kind: 'transfer', from: OUTSIDER, to: SELLER, amount: 5n },
    );
    expect(await accountsOf(set.store, set.agent)).toEqual({ available: 100_000_000n });
    expect(await alertsOf(set.store)).toEqual([]);
  });
});

it('the ledger’s list of holding states is that of the state table', () => {
  expect([...holdingStates].sort()).toEqual(states.filter((state) => holdsMoney[state]).sort());
});
