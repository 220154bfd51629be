import { type Address, encodeFunctionData, erc20Abi, type Hex } from 'viem';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type GateWorld, gateWorld, NOON_MS, numbered } from '../../../test/support/gateWorld.ts';
import { withRevenueRules } from '../../../test/support/revenueRules.ts';
import { devAccounts } from '../../app/local-chain/accounts.ts';
import { sendInOrder } from '../../app/local-chain/client.ts';
import { type LocalChain, startLocalChain } from '../../app/local-chain/localChain.ts';
import { agentAccount, balance } from '../../books/ledger/journal.ts';
import { createInvoice } from '../../books/receivables/invoices.ts';
import { listReceivables } from '../../books/receivables/readReceivables.ts';
import { createFollower, type Follower } from '../../chain/follow/follower.ts';
import { alertsOf, eventsOf } from '../../chain/follow/testing/books.ts';
import { viemSource } from '../../chain/follow/viemSource.ts';
import { openChain } from '../../chain/node/chain.ts';
import { microUsdc, parseUsdc } from '../../core/money/microUsdc.ts';
import { setAgentStatus } from '../../decide/identity/agents.ts';
import type { Agent } from '../../decide/identity/identity.ts';
import { createPayee } from '../../decide/identity/payees.ts';
import { requestPayment } from '../../decide/payments/gate.ts';
import { listPayments } from '../../decide/payments/records.ts';
import { readBundle } from '../../decide/policy/bundle.ts';
import { compilePolicy } from '../../decide/policy/compile.ts';
import { loadPolicy } from '../../decide/policy/loadPolicy.ts';
import { resolveOpa } from '../../decide/policy/opa.ts';
import type { Policy } from '../../decide/policy/policy.ts';
import { readBursarSources } from '../../decide/policy/sources.ts';
import { readStarterBundle } from '../../decide/policy/starter.ts';
import { asLeader } from '../../store/leases/testing/asLeader.ts';
import { query } from '../../store/statement.ts';
import { createRouter, type Router, retryLegs } from './router.ts';

const [, , owner, payer] = devAccounts;
const rules = (route: string): string => `revenue:\n  rules:\n    - agent: vendor\n      route: ${route}\n`;
const SPLIT =
  '{shares: [{payee: Ann, percent: "70"}, {payee: Bob, percent: "20"}, {payee: Cid, percent: "10"}], remainder: Ann}';
const ACT = { actor: 'test', atMs: NOON_MS };
let local: LocalChain;
let split: Policy;
let world: GateWorld;
let vendor: Agent;
let follower: Follower;
let router: Router;
let inForce: Policy;

async function policyWith(route: string): Promise<Policy> {
  const { bundle } = readBundle(await readStarterBundle());
  const data = withRevenueRules(bundle.files['data.yaml'] ?? '', rules(route));
  return loadPolicy(await compilePolicy({ ...(await readBursarSources()), 'data.yaml': data }));
}

/** A first run may have to build opa. */
beforeAll(async () => {
  await resolveOpa();
  local = await startLocalChain({ owner });
  await local.mint(payer.address, parseUsdc('1000'));
  split = await policyWith(SPLIT);
}, 900_000);
afterAll(() => local.stop());

beforeEach(async () => {
  world = await gateWorld(split);
  inForce = split;
  vendor = await world.addAgent('vendor', '0');
  await world.store.write(async (tx) => {
    for (const [index, name] of ['Ann', 'Bob', 'Cid'].entries()) {
      const addresses = [{ address: numbered(0x100 + index), verified: true }];
      await createPayee(tx, ACT, { name, kind: 'internal', agentId: null, categories: [], hosts: [], addresses });
    }
    // Only the vendor's wallet is on this chain.
    await tx.run(query((db) => db.deleteFrom('wallets').where('agent_id', '<>', vendor.id)));
  });
  const chain = openChain({ chainId: 31_337, rpcUrl: local.anvil.url, token: local.usdc.address });
  follower = createFollower({
    store: asLeader(world.store),
    chain: viemSource(chain),
    clock: () => NOON_MS,
    chainId: 31_337,
    finality: { kind: 'depth', blocks: 2 },
  });
  router = newRouter();
  await follower.tick();
});
afterEach(() => world.store.close());

/** The splitting policy with something of it changed. */
function changed(changes: Partial<Policy>): Policy {
  const { digest, meters, settings, sponsorMayApprove, reads } = split;
  return {
    digest,
    meters,
    settings,
    sponsorMayApprove,
    reads,
    evaluate: (text) => split.evaluate(text),
    route: (input) => split.route(input),
    ...changes,
  };
}
function newRouter(): Router {
  return createRouter({
    store: asLeader(world.store),
    policy: () => inForce,
    rulesIn: async () => ({ policy: inForce }),
    chain: { chainId: 31_337, network: 'eip155:31337', token: local.usdc.address, factory: local.factory },
    clock: () => NOON_MS,
    wake: () => {},
  });
}
/** Money for an invoice: earned, by an outsider's plain transfer. */
async function earn(usdc: string): Promise<Hex> {
  const invoice = {
    agentId: vendor.id,
    sponsorId: vendor.sponsorId,
    address: vendor.wallet?.address as Address,
    amount: parseUsdc(usdc),
    maxUses: 1,
    memo: 'work',
    expiresAtMs: null,
    idempotencyKey: `key-${usdc}`,
    bodyHash: '',
  };
  await world.store.write((tx) => createInvoice(tx, invoice, { actor: 'test', atMs: 0 }));
  const args = [vendor.wallet?.address as Address, parseUsdc(usdc)] as const;
  const data = encodeFunctionData({ abi: erc20Abi, functionName: 'transfer', args });
  const [hash] = await sendInOrder(local.client, payer, [{ to: local.usdc.address, data }]);
  return hash as Hex;
}
const mine = (blocks: number) => local.client.mine({ blocks });
const splits = () => world.store.read((tx) => listPayments(tx, { agentId: vendor.id, kind: 'split', limit: 100 }));
const receivables = () => world.store.read((tx) => listReceivables(tx, { limit: 9 }));
const available = () => world.store.read((tx) => balance(tx, agentAccount(vendor.id, 'available')));
async function round(): Promise<void> {
  expect(await follower.tick()).toMatchObject({ status: 'synced' });
  await router.tick();
}

const changeBob = (to: { status: 'active' | 'blocked' } | { name: string }) =>
  world.store.write((tx) => tx.run(query((db) => db.updateTable('payees').set(to).where('name', '=', 'Bob'))));

describe('revenue', () => {
  it('is not split before it is final, and a reorg in between leaves no split of money that never came', async () => {
    await earn('1.000001');
    await round();
    expect([await receivables(), await splits()]).toMatchObject([[{ state: 'included' }], []]);
    await local.client.request({ method: 'anvil_reorg' as never, params: [1, []] as never });
    await mine(3);
    await round();
    expect([await receivables(), await splits(), await available()]).toMatchObject([[{ state: 'orphaned' }], [], 0n]);
  });

  it('is split once, by shares with the rounding to the named party, however often the server starts again', async () => {
    await earn('1.000001');
    await mine(3);
    await round();
    for (let start = 0; start < 3; start += 1) {
      router = newRouter();
      expect(await router.tick()).toEqual({ routed: 0, legs: 0 });
    }
    const legs = (await splits()).map(({ amount, state, receivableId }) => [amount, state, receivableId !== null]);
    expect(legs.sort()).toEqual([
      [100_000n, 'authorized', true],
      [200_000n, 'authorized', true],
      [700_001n, 'authorized', true],
    ]);
    expect(await available()).toBe(0n);
    expect(await eventsOf(world.store, 'revenue.routed')).toHaveLength(1);
  });

  it('is not split by a crash in the middle: the write is whole or not at all', async () => {
    await earn('3');
    await mine(3);
    await follower.tick();
    let asked = 0;
    inForce = changed({
      evaluate: (text) => {
        asked += 1;
        if (asked === 3) throw new Error('the process died');
        return split.evaluate(text);
      },
    });
    await expect(router.tick()).rejects.toThrow('the process died');
    expect([await splits(), await available()]).toEqual([[], 3_000_000n]);
    inForce = split;
    await router.tick();
    expect(await splits()).toHaveLength(3);
  });

  it('stays whole where the rule fails, with an alert, and is split under the next policy', async () => {
    await earn('2');
    await mine(3);
    await follower.tick();
    inForce = changed({ digest: `sha256:${'0'.repeat(64)}`, route: () => ({ failed: 'it does not add up' }) });
    await router.tick();
    await router.tick();
    expect(await splits()).toEqual([]);
    expect((await alertsOf(world.store)).filter((alert) => alert.type === 'revenue_failed')).toMatchObject([
      { agent: vendor.id, body: { reason: 'it does not add up', count: 1 } },
    ]);
    inForce = split;
    await router.tick();
    expect(await splits()).toHaveLength(3);
  });

  it('goes to the other parties when one of them may not be paid, and an alert says which', async () => {
    await changeBob({ status: 'blocked' });
    await earn('1');
    await mine(3);
    await round();
    expect((await splits()).map(({ amount, state }) => [amount, state]).sort()).toEqual([
      [100_000n, 'authorized'],
      [200_000n, 'denied'],
      [700_000n, 'authorized'],
    ]);
    expect(await available()).toBe(200_000n);
    expect(await alertsOf(world.store)).toContainEqual(
      expect.objectContaining({ type: 'split_refused', body: expect.objectContaining({ leg: 'share Bob' }) }),
    );
  });

  it('says so where the rule names a payee that is not there', async () => {
    await changeBob({ name: 'Bea' });
    await earn('1');
    await mine(3);
    await round();
    expect(await splits()).toHaveLength(2);
    expect((await alertsOf(world.store)).filter((alert) => alert.type === 'split_refused')).toHaveLength(1);
  });

  it('is split less what was refunded before', async () => {
    await earn('1');
    await mine(3);
    await follower.tick();
    const [receivable] = await receivables();
    const answer = await world.store.write((tx) =>
      requestPayment(
        tx,
        world.request({
          agentId: vendor.id,
          kind: 'refund',
          amount: microUsdc(400_000n),
          payee: null,
          address: payer.address,
          workflow: null,
          refundOf: receivable?.id ?? null,
        }),
        world.context(),
      ),
    );
    expect(answer.payment.state).toBe('authorized');
    await router.tick();
    expect((await splits()).map((payment) => payment.amount).sort()).toEqual([120_000n, 420_000n, 60_000n]);
    expect(await available()).toBe(0n);
  });

  it('waits while the agent is frozen', async () => {
    await earn('1');
    await mine(3);
    await follower.tick();
    await world.store.write((tx) => setAgentStatus(tx, ACT, vendor.id, { status: 'frozen', reason: 'test' }));
    await router.tick();
    expect([await splits(), await available()]).toEqual([[], 1_000_000n]);
    await world.store.write((tx) => setAgentStatus(tx, ACT, vendor.id, { status: 'active', reason: null }));
    await router.tick();
    expect(await splits()).toHaveLength(3);
  });

  it('asks again for the legs that were refused, and only for those', async () => {
    await changeBob({ status: 'blocked' });
    await earn('1');
    await mine(3);
    await round();
    const [receivable] = await receivables();
    const retry = () => world.store.write((tx) => retryLegs(tx, receivable?.id ?? '', world.context()));
    expect(await retry()).toMatchObject([{ state: 'denied' }]);
    await changeBob({ status: 'active' });
    expect(await retry()).toMatchObject([{ state: 'authorized', amount: 200_000n }]);
    expect(await retry()).toEqual([]);
    expect(await available()).toBe(0n);
  });
});

describe('a float with a sweep', () => {
  it('leaves the float and sends the rest to the treasury', async () => {
    inForce = await policyWith('{sweep: {to: Cid, float: "0.75"}}');
    await earn('2');
    await mine(3);
    await round();
    expect(await splits()).toMatchObject([{ amount: 1_250_000n, address: numbered(0x102) }]);
    expect(await available()).toBe(750_000n);
  });
});
