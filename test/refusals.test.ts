import { type Address, encodeFunctionData, parseAbi } from 'viem';
import { generatePrivateKey, privateKeyToAddress } from 'viem/accounts';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { sendInOrder } from '../src/app/local-chain/client.ts';
import { type Lie, type LyingRpc, type RpcRequest, startLyingRpc } from '../src/app/local-chain/lyingRpc.ts';
import { ownerCalls } from '../src/chain/contracts/agentWallet.ts';
import { keyAccount } from '../src/chain/keys/keyAccount.ts';
import { statement } from '../src/store/statement.ts';
import { startTestServer, type TestServer } from './support/testServer.ts';

/** What the wallet, the token or the node refuses: what waits, what is asked again, and what fails. */
const tokenAbi = parseAbi([
  'function pause()',
  'function unpause()',
  'function blacklist(address)',
  'function unBlacklist(address)',
]);
let server: TestServer;
let rpc: LyingRpc;
let payee: string;
let count = 0;
beforeAll(async () => {
  const rpcOf = async (url: string): Promise<string> => {
    rpc = await startLyingRpc(url);
    return rpc.url;
  };
  server = await startTestServer({ rpcOf });
  payee = await newPayee(privateKeyToAddress(generatePrivateKey()));
});
afterAll(async () => {
  await server.end();
  await rpc.stop();
});
afterEach(async () => {
  rpc.tell(() => 'pass');
  // A test that fails while USDC is paused must not take the next ones with it.
  await token({ functionName: 'unpause' });
});

async function newPayee(address: Address): Promise<string> {
  count += 1;
  const fields = { name: `Payee ${count}`, kind: 'contractor', categories: ['contractor'], address, verified: true };
  return String((await server.operator.call('create_payee', fields)).id);
}
type Call = Parameters<typeof encodeFunctionData<typeof tokenAbi>>[0];
async function token(call: Omit<Call, 'abi'>): Promise<void> {
  const { local } = server;
  const data = encodeFunctionData({ ...call, abi: tokenAbi } as Call);
  await sendInOrder(local.client, local.usdc.minter, [{ to: local.usdc.address, data }]);
}
const usdc = (value: string) => ({ value, currency: 'USDC' });
const key = () => {
  count += 1;
  return { idempotencyKey: `refusals-${count}` };
};
type Agent = Awaited<ReturnType<TestServer['agent']>>;
const pay = async (agent: Agent, value = '1.00', to = payee) =>
  String((await agent.client.call('pay', { payee: to, amount: usdc(value) }, key())).id);
const stateOf = async (id: string) => (await server.operator.call('get_payment', { id })).state;
const alertsOf = statement<{ type: string }>()((db, p) =>
  db.selectFrom('alerts').select(['agent_id', 'body_json', 'resolved_at']).where('type', '=', p.type).orderBy('id'),
);
const alerts = (type: string) => server.bursar.store.read((tx) => tx.all(alertsOf, { type }));
const openAlerts = async (type: string) => (await alerts(type)).filter(({ resolved_at }) => resolved_at === null);
const droppedOf = statement<{ payment: string }>()((db, p) =>
  db
    .selectFrom('transaction_payments as tp')
    .innerJoin('transactions as t', 't.id', 'tp.transaction_id')
    .select('t.id')
    .where('tp.payment_id', '=', p.payment)
    .where('t.state', '=', 'dropped'),
);
/** The simulation has been refused so often since. */
async function refusals(id: string, times = 1): Promise<void> {
  const seen = async () => (await server.bursar.store.read((tx) => tx.all(droppedOf, { payment: id }))).length;
  await expect.poll(seen).toBeGreaterThanOrEqual(times);
}
async function warm(name: string, value = '20'): Promise<Agent> {
  count += 1;
  const agent = await server.agent(`${name} ${count}`, value);
  await server.until(await pay(agent, '0.10'), ['settled', 'final']);
  return agent;
}
const ledger = () => server.operator.call('check_ledger');

describe('USDC that is paused', () => {
  it('lets payments of every kind wait under one alert, and all settle when it goes on', async () => {
    const [one, other, batcher] = [await warm('one'), await warm('other'), await warm('batcher')];
    const before = (await alerts('token_paused')).length;
    await token({ functionName: 'pause' });
    const ids = [await pay(one), await pay(other), await pay(other, '2.00')];
    const batch = (await batcher.client.call(
      'pay_batch',
      { payments: [1, 2, 3].map((n) => ({ payee, amount: usdc(`${n}.00`) })) },
      key(),
    )) as { payments: { id: string }[] };
    ids.push(...batch.payments.map(({ id }) => id));
    for (const id of ids) await refusals(id);
    await expect.poll(async () => (await openAlerts('token_paused')).length).toBe(1);
    // A second round of questions makes neither a failure nor another alert.
    const asked = rpc.asked.length;
    await expect.poll(() => rpc.asked.length).toBeGreaterThan(asked + 50);
    expect(await Promise.all(ids.map(stateOf))).toEqual(ids.map(() => 'authorized'));
    expect((await alerts('token_paused')).length).toBe(before + 1);
    const { balances } = (await server.operator.call('get_agent', { id: other.id })) as {
      balances: Record<string, { value: string }>;
    };
    expect(balances.reserved).toMatchObject({ value: '3.00' });
    await token({ functionName: 'unpause' });
    for (const id of ids) await server.until(id, ['settled', 'final']);
    await expect.poll(() => openAlerts('token_paused')).toEqual([]);
    expect(await ledger()).toMatchObject({ ok: true });
  });

  it('does not lose the occurrence of a schedule', async () => {
    const agent = await warm('renter');
    await token({ functionName: 'pause' });
    await server.operator.call('create_schedule', {
      agent: agent.id,
      name: 'rent',
      payee,
      // As much as it was paid before: a rise would be for people to decide.
      amount: usdc('0.10'),
      rrule: 'FREQ=YEARLY',
      starts_at: new Date(Math.floor(Date.now() / 1000) * 1000 + 1_000).toISOString(),
    });
    const occurrence = async () => {
      const { payments } = (await server.operator.call('list_payments', { agent: agent.id, limit: 10 })) as {
        payments: { id: string; kind: string }[];
      };
      return payments.find(({ kind }) => kind === 'recurring')?.id;
    };
    await expect.poll(occurrence).toBeDefined();
    const id = String(await occurrence());
    await refusals(id);
    await expect.poll(async () => (await openAlerts('token_paused')).length).toBe(1);
    expect(await stateOf(id)).toBe('authorized');
    await token({ functionName: 'unpause' });
    await server.until(id, ['settled', 'final']);
  });

  it('lets a waiting payment be cancelled, and its alert end with it', async () => {
    const agent = await warm('canceller');
    await token({ functionName: 'pause' });
    const id = await pay(agent);
    await refusals(id);
    await expect.poll(async () => (await openAlerts('token_paused')).length).toBe(1);
    expect(await server.operator.call('cancel_payment', { id })).toMatchObject({ state: 'cancelled' });
    await expect.poll(() => openAlerts('token_paused')).toEqual([]);
    await token({ functionName: 'unpause' });
    expect(await ledger()).toMatchObject({ ok: true });
  });
});

describe('a blacklisted address', () => {
  it('lets payments of a wallet wait while it is the wallet, and no others', async () => {
    const [listed, free] = [await warm('listed'), await warm('free')];
    await token({ functionName: 'blacklist', args: [listed.wallet as Address] });
    const id = await pay(listed);
    await refusals(id);
    await expect
      .poll(async () => (await openAlerts('wallet_blacklisted')).map((alert) => alert.agent_id))
      .toEqual([listed.id]);
    await server.until(await pay(free), ['settled', 'final']);
    expect(await stateOf(id)).toBe('authorized');
    await token({ functionName: 'unBlacklist', args: [listed.wallet as Address] });
    await server.until(id, ['settled', 'final']);
    await expect.poll(() => openAlerts('wallet_blacklisted')).toEqual([]);
  });

  it('ends a payment while it is the payee, in words', async () => {
    const agent = await warm('unlucky');
    const address = privateKeyToAddress(generatePrivateKey());
    await token({ functionName: 'blacklist', args: [address] });
    const id = await pay(agent, '1.00', await newPayee(address));
    const failed = await server.until(id, ['failed']);
    expect(JSON.stringify(failed.reasons)).toContain('Blacklistable: account is blacklisted');
    expect(JSON.stringify(failed)).not.toContain('08c379a0');
  });
});

describe('a refusal that the state bears out', () => {
  it('ends the payment with the decoded error of the wallet', async () => {
    const agent = await warm('low');
    const cut = ownerCalls.setCeilings(agent.wallet as Address, 500_000n as never, 500_000n as never);
    const id = await pausedWhile(agent, async () => {
      await sendInOrder(server.local.client, await keyAccount(server.keys, 'owner'), [cut]);
    });
    const failed = await server.until(id, ['failed']);
    expect(JSON.stringify(failed.reasons)).toMatch(/PerPaymentCeilingExceeded \(amount 1000000, ceiling 500000\)/);
  });

  /** A payment that is decided before the change and sent after it. */
  async function pausedWhile(agent: Agent, change: () => Promise<void>): Promise<string> {
    await token({ functionName: 'pause' });
    const id = await pay(agent);
    await refusals(id);
    await change();
    await token({ functionName: 'unpause' });
    return id;
  }
});

describe('a refusal that only the node says', () => {
  const invented = (code: number, message: string, data?: string): Lie =>
    ({ error: { code, message, ...(data ? { data } : {}) } }) as Lie;
  it.each<[string, (request: RpcRequest) => Lie | Promise<Lie>]>([
    ['no code at any address', ({ method }) => (method === 'eth_getCode' ? { result: '0x' } : 'pass')],
    [
      'a revert without a reason',
      ({ method }) => (method === 'eth_estimateGas' ? invented(3, 'execution reverted', '0x') : 'pass'),
    ],
    [
      'a revert with the error of a frozen wallet',
      ({ method }) => (method === 'eth_estimateGas' ? invented(3, 'execution reverted', '0x2a6d8d09') : 'pass'),
    ],
    [
      'a revert for every call',
      ({ method }) =>
        method === 'eth_estimateGas' || method === 'eth_call' ? invented(3, 'execution reverted') : 'pass',
    ],
    [
      'an empty answer to every call, and no code',
      ({ method }) =>
        method === 'eth_estimateGas'
          ? invented(-32_000, 'execution reverted')
          : method === 'eth_call' || method === 'eth_getCode'
            ? { result: '0x' }
            : 'pass',
    ],
  ])('is asked again: %s', async (_, lie) => {
    const agent = await warm('deceived');
    rpc.tell(lie);
    const ids = [await pay(agent), await pay(agent, '2.00')];
    for (const id of ids) await refusals(id);
    await expect.poll(async () => (await openAlerts('refusal_unexplained')).length).toBe(1);
    expect(await Promise.all(ids.map(stateOf))).toEqual(['authorized', 'authorized']);
    rpc.tell(() => 'pass');
    for (const id of ids) await server.until(id, ['settled', 'final']);
    await expect.poll(() => openAlerts('refusal_unexplained')).toEqual([]);
    expect(await ledger()).toMatchObject({ ok: true });
  });

  it('is asked again where it concerns a wallet that is to be made', async () => {
    const agent = await server.agent('unmade', '5');
    rpc.tell(({ method }) => (method === 'eth_estimateGas' ? invented(3, 'execution reverted', '0x') : 'pass'));
    const id = await pay(agent);
    await refusals(id);
    await expect.poll(async () => (await openAlerts('deployment_refused')).length).toBe(1);
    expect(await stateOf(id)).toBe('authorized');
    rpc.tell(() => 'pass');
    await server.until(id, ['settled', 'final']);
  });

  it('is asked again after a balance that is older than the books', async () => {
    const agent = await warm('stale');
    const zero = `0x${'0'.repeat(64)}`;
    rpc.tell(({ method, params }) => {
      const [call] = (params ?? []) as [{ data?: string }?];
      const asksBalance = call?.data?.startsWith('0x70a08231') ?? false;
      if (method === 'eth_estimateGas') return invented(3, 'execution reverted');
      return method === 'eth_call' && asksBalance ? { result: zero } : 'pass';
    });
    const id = await pay(agent);
    await refusals(id);
    await expect.poll(async () => (await openAlerts('refusal_unexplained')).length).toBe(1);
    rpc.tell(() => 'pass');
    await server.until(id, ['settled', 'final']);
  });

  it('does not end a stop before the wallet is frozen', async () => {
    const agent = await warm('stopped');
    rpc.tell(({ method }) => (method === 'eth_getCode' ? { result: '0x' } : 'pass'));
    await server.operator.call('stop_agent', { id: agent.id, reason: 'a test' });
    const asked = rpc.asked.length;
    await expect.poll(() => rpc.asked.length).toBeGreaterThan(asked + 50);
    expect(await server.operator.call('get_stop', { id: agent.id })).toMatchObject({ state: 'stopping' });
    rpc.tell(() => 'pass');
    await expect.poll(async () => (await server.operator.call('get_stop', { id: agent.id })).state).toBe('ended');
  });
});
