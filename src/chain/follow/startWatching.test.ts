import type { Hex } from 'viem';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { mapInOrder } from '../../core/inOrder.ts';
import type { Payment } from '../../decide/payments/payment.ts';
import { query } from '../../store/statement.ts';
import type { BlockHeader, ChainSource } from '../node/source.ts';
import { bloomOf } from './bloom.ts';
import {
  accountsOf,
  addAgent,
  addPayment,
  addressFrom,
  agentStatus,
  alertsOf,
  OUTSIDER,
  POLICY,
  payItem,
  stateOf,
  type TestAgent,
  TREASURY,
} from './testing/books.ts';
import { endInAgreement, FINALITY_DEPTH, type Scene, scene } from './testing/scene.ts';

let set: Scene;
const late = { wallet: addressFrom('late wallet'), purse: addressFrom('late purse') };
beforeEach(async () => {
  set = await scene();
});
afterEach(() => endInAgreement(set));

const addLate = async (): Promise<TestAgent> => {
  const agent = await addAgent(set.store, 'late', late);
  await set.follow();
  return agent;
};

it('a wallet that was empty is followed from then on', async () => {
  const agent = await addLate();
  await set.happen({ kind: 'transfer', from: TREASURY, to: late.wallet, amount: 7n });
  expect(await accountsOf(set.store, agent)).toEqual({ available: 7n });
  expect(await alertsOf(set.store)).toEqual([]);
});

it('what a wallet and its purse held before comes into the books as an opening balance that nobody may spend yet', async () => {
  await set.happen({ kind: 'mint', to: late.wallet, amount: 9n }, { kind: 'mint', to: late.purse, amount: 4n });
  set.chain.mineEmpty(FINALITY_DEPTH);
  await set.follow();
  const agent = await addLate();
  expect(await accountsOf(set.store, agent)).toEqual({ suspense: 9n, purse: 4n });
  expect(await alertsOf(set.store)).toMatchObject([
    { type: 'unmatched_inflow', agent: agent.id, body: { kind: 'opening_balance' } },
  ]);
});

it('what moved in blocks that are not final is booked log by log, so that a reorg undoes it', async () => {
  await set.happen({ kind: 'mint', to: late.wallet, amount: 9n });
  set.chain.mineEmpty(FINALITY_DEPTH - 1);
  await set.happen(
    { kind: 'transfer', from: TREASURY, to: late.wallet, amount: 5n },
    { kind: 'transfer', from: late.wallet, to: OUTSIDER, amount: 2n },
  );
  const agent = await addLate();
  expect(await accountsOf(set.store, agent)).toEqual({ available: 5n, suspense: 7n });
  expect((await agentStatus(set.store, agent)).status).toBe('active');
  await set.reorg(1, () => false);
  expect(await accountsOf(set.store, agent)).toEqual({ suspense: 9n });
});

it('a payment to an address that became an agent’s moves to that agent’s books, and back in a reorg', async () => {
  const payment: Payment = await set.store.write((tx) =>
    addPayment(tx, { agent: set.agent, to: late.wallet, amount: 10_000_000n }),
  );
  set.chain.mineEmpty(FINALITY_DEPTH);
  await set.happen({ kind: 'pay', wallet: set.agent.wallet, policyDigest: POLICY, items: [payItem(payment)] });
  const agent = await addLate();
  expect(await accountsOf(set.store, agent)).toEqual({ available: 10_000_000n });
  expect(
    await set.store.read((tx) =>
      tx.all(
        query((db) => db.selectFrom('receivables').select(['kind', 'payment_id']).where('agent_id', '=', agent.id)),
      ),
    ),
  ).toEqual([{ kind: 'agent_payment', payment_id: payment.id }]);
  await set.reorg(1, () => false);
  expect(await accountsOf(set.store, agent)).toEqual({});
  expect(await stateOf(set.store, payment)).toBe('submitted');
});

it('money a new wallet sent to an agent of ours before is in both books once', async () => {
  await set.happen({ kind: 'mint', to: late.wallet, amount: 9n });
  await set.happen({ kind: 'transfer', from: late.wallet, to: set.agent.wallet, amount: 6n });
  const agent = await addLate();
  expect(await accountsOf(set.store, agent)).toEqual({ suspense: 3n });
  expect(await accountsOf(set.store, set.agent)).toEqual({ available: 100_000_000n, suspense: 6n });
});

it('a wallet that is added while the follower asks misses nothing', async () => {
  let added: TestAgent | null = null;
  set.chain.beforeLogs = async () => {
    set.chain.beforeLogs = null;
    added = await addAgent(set.store, 'late', late);
    set.chain.mine(set.chain.send({ kind: 'transfer', from: TREASURY, to: late.wallet, amount: 5n }));
  };
  await set.happen();
  await set.follow();
  expect(added && (await accountsOf(set.store, added))).toEqual({ available: 5n });
});

it('a node that has dropped the state of long ago is asked for the head’s, less what moved since', async () => {
  await set.happen({ kind: 'mint', to: late.wallet, amount: 9n });
  set.chain.mineEmpty(2 * FINALITY_DEPTH);
  await set.follow();
  const agent = await addAgent(set.store, 'late', late);
  set.chain.mine(
    set.chain.send(
      { kind: 'transfer', from: TREASURY, to: late.wallet, amount: 5n },
      { kind: 'mint', to: late.purse, amount: 3n },
    ),
  );
  const { balanceOf } = set.chain;
  set.chain.balanceOf = (address, number) =>
    number < set.chain.tip.header.number ? Promise.reject(new Error('missing trie node')) : balanceOf(address, number);
  await set.follow();
  set.chain.balanceOf = balanceOf;
  expect(await accountsOf(set.store, agent)).toEqual({ available: 5n, suspense: 9n, purse: 3n });
  const opening = (await alertsOf(set.store)).filter(({ body }) => body.kind === 'opening_balance');
  expect(opening).toMatchObject([{ body: { amount: '0.000009' } }]);
});

it('a node that has dropped that state and leaves out the logs since is not believed', async () => {
  set.chain.mineEmpty(2 * FINALITY_DEPTH);
  await set.follow();
  const agent = await addAgent(set.store, 'late', late);
  set.chain.mine(set.chain.send({ kind: 'transfer', from: TREASURY, to: late.wallet, amount: 5n }));
  const { header, head, chain, logs } = { ...set.chain, chain: set.chain };
  const logsOf = (blockHash: Hex) => logs({ blockHash }, { wallets: [], purses: [], payers: [] });
  const withBloom = async (block: BlockHeader) => ({ ...block, logsBloom: bloomOf(await logsOf(block.hash)) });
  const source: ChainSource = {
    token: chain.token,
    head: async () => withBloom(await head()),
    header: async (number) => (await header(number).then((block) => block && withBloom(block))) ?? null,
    finalized: chain.finalized,
    authorizationState: chain.authorizationState,
    logs: async () => [],
    receiptLogs: ({ hash }) => logsOf(hash),
    balanceOf: async (address, number) => {
      if (number < chain.tip.header.number) throw new Error('missing trie node');
      return chain.balanceOf(address, number);
    },
  };
  set.restart({ chain: source });
  await set.follow();
  expect(await accountsOf(set.store, agent)).toEqual({ available: 5n });
  set.restart();
});

it('many wallets added at once are all followed with the next step', async () => {
  await set.happen();
  const agents: TestAgent[] = [];
  for (let n = 0; n < 230; n += 1) agents.push(await addAgent(set.store, `late ${n}`));
  set.chain.mine(agents.flatMap(({ wallet: to }) => set.chain.send({ kind: 'mint', to, amount: 1n })));
  expect(await set.follower.tick()).toMatchObject({ status: 'synced' });
  expect(await mapInOrder(agents, (agent) => accountsOf(set.store, agent))).toEqual(
    agents.map(() => ({ suspense: 1n })),
  );
  expect(
    await set.store.read((tx) =>
      tx.get(
        query((db) =>
          db
            .selectFrom('receivables')
            .select((eb) => eb.fn.countAll<bigint>().as('n'))
            .where('kind', '=', 'unmatched'),
        ),
      ),
    ),
  ).toEqual({
    n: 230n,
  });
});

it('a balance that the node’s own logs contradict is not believed', async () => {
  await set.happen({ kind: 'mint', to: late.wallet, amount: 9n });
  const { balanceOf } = set.chain;
  set.chain.balanceOf = () => Promise.resolve(0n);
  const agent = await addAgent(set.store, 'late', late);
  expect(await set.follow()).toMatchObject({ status: 'unavailable' });
  expect(await accountsOf(set.store, agent)).toEqual({});
  set.chain.balanceOf = balanceOf;
  await set.follow();
  expect(await accountsOf(set.store, agent)).toEqual({ suspense: 9n });
});
