import type { Hex } from 'viem';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { DEPTH, type LyingScene, type LyingWorld, lyingWorld } from '../../../test/support/lyingScene.ts';
import { devAccounts } from '../../app/local-chain/accounts.ts';
import type { Lie, RpcRequest } from '../../app/local-chain/lyingRpc.ts';
import { mapInOrder } from '../../core/inOrder.ts';
import { query } from '../../store/statement.ts';
import { ownerCalls } from '../contracts/agentWallet.ts';
import { accountsOf, addressFrom, eventsOf, stateOf } from './testing/books.ts';

type Log = { address: Hex; topics: Hex[]; data: Hex; blockHash: Hex; blockNumber: Hex; logIndex: Hex };
type Receipt = { logs: Log[]; status: Hex };
type Answers = (request: RpcRequest) => Lie;
const [, , , guardian] = devAccounts;

let world: LyingWorld;
let set: LyingScene;
beforeAll(async () => {
  world = await lyingWorld();
});
afterAll(() => world.stop());
beforeEach(async () => {
  set = await world.scene();
});
afterEach(() => set.close());

/** Lies by method; other questions get the real answer. */
const lies =
  (answers: Record<string, Lie | ((request: RpcRequest) => Lie)>): Answers =>
  (request) => {
    const told = answers[request.method];
    return typeof told === 'function' ? told(request) : (told ?? 'pass');
  };
const unsupported: Lie = { error: { code: -32_601, message: 'the method does not exist' } };
const logsBut = (change: (logs: Log[]) => unknown): Lie => ({ edit: (logs: never) => change(logs as Log[]) });
const noReceipts = { eth_getBlockReceipts: unsupported, eth_getTransactionReceipt: { result: null } };
/** A header whose bloom was emptied, under its real hash. */
const emptyBloom: Lie = {
  edit: (block: never) => block && { ...(block as object), logsBloom: `0x${'00'.repeat(256)}` },
};

/** After the lie: the payment is settled, nothing is open, and the books are those of the real node. */
async function healed(...payments: Parameters<typeof stateOf>[1][]): Promise<void> {
  set.rpc.tell(() => 'pass');
  expect(await set.follow()).toMatchObject({ status: 'synced', error: null });
  expect(await mapInOrder(payments, (payment) => stateOf(set.store, payment))).toEqual(payments.map(() => 'settled'));
  expect(await set.openAlerts()).toEqual([]);
  expect(await set.findings()).toEqual([]);
}

describe('eth_getLogs that gives nothing while a payment is mined', () => {
  it('is not believed where the receipts show the log: the payment settles during the lie', async () => {
    const payment = await set.add();
    set.rpc.tell(lies({ eth_getLogs: { result: [] } }));
    await set.pay(payment);
    expect(await set.follow()).toMatchObject({ status: 'synced', error: null });
    expect(await stateOf(set.store, payment)).toBe('settled');
    await healed(payment);
  });

  it.each<[string, Record<string, Lie>]>([
    ['and there are no receipts', { eth_getLogs: { result: [] }, ...noReceipts }],
    [
      'and receipts lack their logs',
      {
        eth_getLogs: { result: [] },
        eth_getBlockReceipts: {
          edit: (all: never) => (all as Receipt[]).map((receipt) => ({ ...receipt, logs: [] })),
        },
      },
    ],
    ['and headers have no bloom', { eth_getLogs: { result: [] }, ...noReceipts, eth_getBlockByNumber: emptyBloom }],
  ])('%s: nothing is booked, one alert is open, and it heals by itself', async (_, answers) => {
    const payment = await set.add();
    set.rpc.tell(lies(answers));
    await set.pay(payment);
    expect(await set.ticks(6)).toMatchObject({ status: 'waiting', error: { code: 'chain_inconsistent' } });
    await set.local.client.mine({ blocks: 30 });
    expect(await set.ticks(3)).toMatchObject({ status: 'waiting' });
    expect(await stateOf(set.store, payment)).toBe('submitted');
    expect(await set.openAlerts()).toEqual(['chain_contradiction']);
    set.restart();
    expect(await set.ticks(2)).toMatchObject({ status: 'waiting' });
    expect(await set.openAlerts()).toEqual(['chain_contradiction']);
    await set.local.client.mine({ blocks: DEPTH });
    set.rpc.tell(() => 'pass');
    await set.follow();
    expect(await stateOf(set.store, payment)).toBe('final');
    expect(await set.openAlerts()).toEqual([]);
    expect(await set.findings()).toEqual([]);
    expect(await eventsOf(set.store, 'chain.agreed')).toEqual(['chain.agreed']);
  });

  it('is found out by the balances where a header without a profile says nothing', async () => {
    const payment = await set.add();
    set.rpc.tell(
      lies({
        eth_getLogs: { result: [] },
        ...noReceipts,
        // An unknown field of a later fork: the header cannot be held against its hash.
        eth_getBlockByNumber: { edit: (block: never) => block && { ...(block as object), slotNumber: '0x1' } },
      }),
    );
    await set.pay(payment);
    expect(await set.ticks(2)).toMatchObject({ status: 'waiting', error: { details: { kind: 'balances' } } });
    expect(await stateOf(set.store, payment)).toBe('submitted');
    expect(await set.openAlerts()).toEqual(['chain_contradiction']);
    await healed(payment);
  });
});

describe('logs that are not those of the block', () => {
  it.each<[string, (logs: Log[]) => Log[]]>([
    ['one of three is missing', (logs) => logs.slice(0, -1)],
    ['one transfer is missing and its announcement is there', (logs) => logs.filter((_, at) => at !== 1)],
    [
      'one is told twice, the second time under another index',
      (logs) => [...logs, ...again(logs, { logIndex: '0x63' })],
    ],
    ['one has another amount', (logs) => logs.map((log) => ({ ...log, data: log.data.replace(/.$/, '7') as Hex }))],
    ['they are of another contract', (logs) => logs.map((log) => ({ ...log, address: addressFrom('fake') }))],
    ['they name another block', (logs) => logs.map((log) => ({ ...log, blockHash: `0x${'99'.repeat(32)}` }))],
  ])('%s: never booked, and right once they are', async (_, change) => {
    const payments = [await set.add(), await set.add({ amount: 5_000_000n }), await set.add({ amount: 1_000_000n })];
    set.rpc.tell(lies({ eth_getLogs: logsBut((logs) => change(logs)), ...noReceipts }));
    await set.pay(...payments);
    expect(await set.ticks(6)).toMatchObject({ status: 'waiting' });
    expect(await mapInOrder(payments, (payment) => stateOf(set.store, payment))).toEqual(
      payments.map(() => 'submitted'),
    );
    expect((await set.openAlerts()).length).toBe(1);
    await healed(...payments);
  });

  it('told twice in the same place are one', async () => {
    const payment = await set.add();
    set.rpc.tell(lies({ eth_getLogs: logsBut((logs) => [...logs, ...logs]) }));
    await set.pay(payment);
    await set.follow();
    await healed(payment);
  });

  it('a freeze that moves no money is not lost either', async () => {
    set.rpc.tell(lies({ eth_getLogs: { result: [] }, ...noReceipts }));
    await set.send(guardian, ownerCalls.freeze(set.agent.wallet));
    expect((await set.ticks(2)).status).toBe('waiting');
    set.rpc.tell(() => 'pass');
    await set.follow();
    expect(await eventsOf(set.store, 'wallet.frozen')).toEqual(['wallet.frozen']);
  });

  const again = (logs: Log[], changes: Partial<Log>): Log[] => logs.slice(-1).map((log) => ({ ...log, ...changes }));
});

describe('receipts that contradict the logs', () => {
  it('decide nothing where the header contradicts them', async () => {
    const payment = await set.add();
    set.rpc.tell(
      lies({
        eth_getBlockReceipts: {
          edit: (all: never) =>
            (all as Receipt[]).map((receipt) => ({ ...receipt, status: '0x0', logs: receipt.logs.slice(0, 1) })),
        },
        eth_getTransactionReceipt: { edit: (receipt: never) => ({ ...(receipt as object), status: '0x0', logs: [] }) },
      }),
    );
    await set.pay(payment);
    await set.follow();
    await healed(payment);
  });
});

describe('a node that is not where it says', () => {
  it('announces a head that it does not have: told of after some rounds, and waited for', async () => {
    const payment = await set.add();
    await set.pay(payment);
    set.rpc.tell(lies({ eth_getBlockByNumber: ({ params }) => (params[0] === 'latest' ? 'pass' : { result: null }) }));
    expect(await set.ticks(6)).toMatchObject({ status: 'waiting' });
    expect(await set.openAlerts()).toEqual(['chain_behind']);
    await healed(payment);
  });

  it('has forgotten the state: no block is applied on its word alone', async () => {
    const payment = await set.add();
    await set.pay(payment);
    set.rpc.tell(lies({ eth_call: { error: { code: -32_000, message: 'missing trie node' } } }));
    expect(await set.ticks(2)).toMatchObject({ status: 'unavailable' });
    expect(await set.openAlerts()).toEqual(['chain_unavailable']);
    await healed(payment);
  });

  it('answers that there is no newest block', async () => {
    const payment = await set.add();
    await set.pay(payment);
    set.rpc.tell(lies({ eth_getBlockByNumber: { result: null } }));
    expect(await set.ticks(2)).toMatchObject({ status: 'unavailable' });
    await healed(payment);
  });

  it('goes back to an older head, and comes again', async () => {
    const payment = await set.add();
    await set.pay(payment);
    await set.follow();
    const old = (await set.local.client.getBlockNumber()) - 1n;
    const block = await set.local.client.request({
      method: 'eth_getBlockByNumber' as never,
      params: [`0x${old.toString(16)}`, false] as never,
    });
    set.rpc.tell(lies({ eth_getBlockByNumber: ({ params }) => (params[0] === 'latest' ? { result: block } : 'pass') }));
    expect(await set.ticks(6)).toMatchObject({ status: 'waiting', rolledBack: 0 });
    expect(await stateOf(set.store, payment)).toBe('settled');
    expect(await set.openAlerts()).toEqual(['chain_behind']);
    await healed(payment);
  });
});

describe('a log that was skipped', () => {
  it('in a block that is applied comes in after a restart, without another block', async () => {
    const payment = await set.add();
    await set.pay(payment);
    await set.local.client.mine({ blocks: DEPTH + 1 });
    await set.follow();
    // As books that believed an empty answer: the block is behind them, and its log never came.
    await forget(payment.id);
    set.restart();
    await set.follow();
    expect(await stateOf(set.store, payment)).toBe('final');
    expect(await eventsOf(set.store, 'chain.reread')).toEqual(['chain.reread']);
    expect(await set.findings()).toEqual([]);
    expect(await accountsOf(set.store, set.agent)).toEqual({ available: 90_000_000n });
  });

  it('is waited for with an alert while the node still lies about it, and new blocks go on', async () => {
    const payment = await set.add();
    await set.pay(payment);
    await set.local.client.mine({ blocks: DEPTH + 1 });
    await set.follow();
    await forget(payment.id);
    set.rpc.tell(
      lies({
        eth_getLogs: logsBut((logs) =>
          logs.filter(({ topics }) => !topics.some((topic) => topic.includes(payment.chainKey.slice(2, 20)))),
        ),
        ...noReceipts,
      }),
    );
    set.restart();
    await set.ticks(2);
    expect(await set.openAlerts()).toEqual(['chain_contradiction']);
    set.rpc.tell(() => 'pass');
    await set.gift(1_000_000n);
    await set.follow();
    await set.follow();
    expect(await stateOf(set.store, payment)).toBe('final');
    expect(await set.openAlerts()).toEqual([]);
    expect(await set.findings()).toEqual([]);
  });

  /** Takes the settlement off the books as if its log had never been told. */
  async function forget(id: string): Promise<void> {
    const { undoTransfers } = await import('./rollBack.ts');
    const { watchedBook } = await import('../match/addressBook.ts');
    await set.store.write(async (tx) => {
      const rows = await tx.all(query((db) => db.selectFrom('transfers').selectAll().where('match_id', '=', id)));
      await undoTransfers(tx, rows, { book: await watchedBook(tx, 31_337), chainId: 31_337, atMs: 0 });
      await tx.run(query((db) => db.deleteFrom('transfers').where('match_id', '=', id)));
      await tx.run(query((db) => db.deleteFrom('chain_checked')));
    });
  }
});
