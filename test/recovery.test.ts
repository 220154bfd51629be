import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { erc20Abi } from 'viem';
import { generatePrivateKey, privateKeyToAddress } from 'viem/accounts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Client, createClient } from '../src/api/client/client.ts';
import { sendInOrder } from '../src/app/local-chain/client.ts';
import { backUpDataDir, restoreHome } from '../src/app/server/backup.ts';
import { type Launched, launch } from '../src/app/server/localLaunch.ts';
import { ownerCalls } from '../src/chain/contracts/agentWallet.ts';
import { keyAccount } from '../src/chain/keys/keyAccount.ts';
import { parseUsdc } from '../src/core/money/microUsdc.ts';
import { query } from '../src/store/statement.ts';
import { eventBodies } from './support/eventBodies.ts';
import { startTestServer, type TestServer } from './support/testServer.ts';

let server: TestServer;
let running: Launched;
let client: Client;
let payee: string;
const payTo = privateKeyToAddress(generatePrivateKey());
const folders: string[] = [];
let count = 0;

beforeAll(async () => {
  server = await startTestServer();
  running = server;
  client = server.operator;
  const made = await client.call('create_payee', {
    name: 'Grace',
    kind: 'contractor',
    categories: ['contractor'],
    address: payTo,
    verified: true,
  });
  payee = String(made.id);
});
afterAll(async () => {
  delete process.env.BURSAR_KEY_EXECUTOR;
  await running.stop();
  for (const folder of [server.dataDir.dir, ...folders]) rmSync(folder, { recursive: true, force: true });
});

const usdc = (value: string) => ({ value, currency: 'USDC' });
const folder = () => {
  const path = mkdtempSync(join(tmpdir(), 'bursar-backup-'));
  folders.push(path);
  return path;
};
async function restart(): Promise<void> {
  running = await launch({ dir: server.dataDir.dir, port: 0, version: 'test', say: () => {} });
  client = createClient(running.url, String(server.operatorKey));
}
const stateOf = async (id: string) => String((await client.call('get_payment', { id })).state);
async function until<T>(what: () => Promise<T | null | false>): Promise<T> {
  for (let i = 0; i < 900; i += 1) {
    const found = await what();
    if (found !== null && found !== false) return found;
    await sleep(50);
  }
  throw new Error('It did not come to that.');
}
async function pay(agent: string, amount: string): Promise<string> {
  count += 1;
  const { id } = await client.call(
    'pay',
    { agent, payee, amount: usdc(amount) },
    { idempotencyKey: `recover-${count}` },
  );
  return String(id);
}
const settled = (id: string) =>
  until(async () => {
    const state = await stateOf(id);
    return (state === 'settled' || state === 'final' || state === 'failed') && state;
  });
const arrived = () =>
  running.local?.client.readContract({
    address: running.config.chain.usdc,
    abi: erc20Abi,
    functionName: 'balanceOf',
    args: [payTo],
  });

describe('A lost owner key', () => {
  it('is replaced by nobody, and the money still moves to new wallets by payments within the ceilings', async () => {
    const agent = await server.agent('orphan', '20');
    const heir = await server.agent('heir', '0');
    expect(await settled(await pay(agent.id, '1.00'))).not.toBe('failed');
    const wallet = agent.wallet as `0x${string}`;
    const calls = [
      ownerCalls.unfreeze(wallet),
      ownerCalls.setCeilings(wallet, parseUsdc('9000'), parseUsdc('9000')),
      ownerCalls.withdraw(wallet, server.config.chain.usdc, payTo, 1n),
      ownerCalls.setExecutor(wallet, payTo),
      ownerCalls.setGuardian(wallet, payTo),
      ownerCalls.setValidUntil(wallet, 2 ** 39),
      ownerCalls.transferOwnership(wallet, payTo),
      ownerCalls.acceptOwnership(wallet),
    ];
    for (const role of ['executor', 'guardian', 'approver']) {
      const account = await server.keys.address(role);
      for (const call of calls) await expect(server.local.client.call({ account, ...call })).rejects.toThrow();
    }
    const own = payee;
    const fields = { name: 'The heir', kind: 'agent', agent: heir.id, categories: ['contractor'], verified: true };
    payee = String((await client.call('create_payee', { ...fields, address: heir.wallet })).id);
    expect(await settled(await pay(agent.id, '4.00'))).not.toBe('failed');
    payee = own;
    const { balances } = (await client.call('get_agent', { id: heir.id })) as { balances: Record<string, unknown> };
    expect(balances.available).toEqual(usdc('4.00'));
    expect(
      ((await client.call('check_ledger')) as { checks: { ok: boolean }[] }).checks.filter(({ ok }) => !ok),
    ).toEqual([]);
  });
});

describe('A lost database', () => {
  it('comes back from a copy that was made while it was in use: nothing is paid twice, and no nonce is given twice', async () => {
    const agent = await server.agent('lost', '20');
    expect(await settled(await pay(agent.id, '1.00'))).not.toBe('failed');
    await server.local.client.setAutomine(false);
    const inFlight = await pay(agent.id, '2.00');
    const copy = folder();
    const manifest = await backUpDataDir(server.dataDir, copy, 'test');
    expect(manifest.wallets).toContainEqual({ agent: 'lost', address: agent.wallet });
    expect(existsSync(join(copy, 'passphrase'))).toBe(false);
    for (const name of readdirSync(copy)) expect(statSync(join(copy, name)).mode & 0o077).toBe(0);
    await expect(backUpDataDir(server.dataDir, copy, 'test')).rejects.toMatchObject({ code: 'conflict' });
    await server.local.client.setAutomine(true);
    await server.local.client.mine({ blocks: 1 });
    expect(await settled(inFlight)).not.toBe('failed');
    const forgotten = [await pay(agent.id, '3.00'), await pay(agent.id, '4.00')];
    for (const id of forgotten) expect(await settled(id)).not.toBe('failed');
    await expect(restoreHome(copy, server.dataDir.dir, { replace: true })).rejects.toMatchObject({
      code: 'storage_in_use',
    });
    await running.stop();

    await expect(restoreHome(copy, server.dataDir.dir, { replace: false })).rejects.toMatchObject({ code: 'conflict' });
    const { frozen, kept } = await restoreHome(copy, server.dataDir.dir, { replace: true });
    expect(frozen).toContain('lost');
    expect(existsSync(String(kept))).toBe(true);
    await restart();
    // The chain knows the payment that was on its way, and two that the copy has never heard of.
    await until(async () => ['settled', 'final'].includes(await stateOf(inFlight)));
    for (const id of forgotten) await expect(stateOf(id)).rejects.toMatchObject({ code: 'payment_not_found' });
    const alerts = await until(async () => {
      const rows = await running.bursar.store.read((tx) =>
        tx.all(
          query((db) =>
            db
              .selectFrom('alerts')
              .select('body_json')
              .where('type', '=', 'unexplained_outflow')
              .where('agent_id', '=', agent.id),
          ),
        ),
      );
      return rows.length === 2 && rows;
    });
    expect(alerts.every(({ body_json }) => body_json.includes('unknown_payment'))).toBe(true);
    expect(await client.call('get_agent', { id: agent.id })).toMatchObject({ status: 'frozen' });
    await client.call('set_agent_status', { id: agent.id, status: 'active' });
    expect(await settled(await pay(agent.id, '1.50'))).not.toBe('failed');
    expect(await arrived()).toBe(12_500_000n);
    expect(
      ((await client.call('check_ledger')) as { checks: { ok: boolean }[] }).checks.filter(({ ok }) => !ok),
    ).toEqual([]);
  });

  it('is not restored from a copy that was changed, or that is none', async () => {
    const copy = folder();
    await backUpDataDir(server.dataDir, copy, 'test');
    writeFileSync(join(copy, 'bursar.sqlite'), 'not a database');
    await expect(restoreHome(copy, folder(), { replace: false })).rejects.toMatchObject({ code: 'storage_failed' });
    await expect(restoreHome(folder(), folder(), { replace: false })).rejects.toMatchObject({
      code: 'invalid_request',
    });
  });
});

describe('A lost executor key', () => {
  it('is replaced by the owner; what waited is paid by the new one, what was signed is paid once', async () => {
    const { operatorKey } = server;
    const made = (await client.call('create_agent', { name: 'rekeyed', sponsor: 'Research' })) as {
      id: string;
      wallet: { address: `0x${string}` };
    };
    const { local } = running;
    if (!local || !operatorKey) throw new Error('unreachable');
    await local.mint(made.wallet.address, parseUsdc('20'));
    await until(async () => {
      const { balances } = (await client.call('get_agent', { id: made.id })) as {
        balances: Record<string, { value: string }>;
      };
      return balances.suspense?.value === '20.00';
    });
    await client.call('accept_suspense', { id: made.id, amount: usdc('20.00'), reason: 'test money' });
    expect(await settled(await pay(made.id, '1.00'))).not.toBe('failed');
    const before = (await arrived()) ?? 0n;
    await local.client.setAutomine(false);
    const signed = await pay(made.id, '2.00');
    await until(async () => (await stateOf(signed)) === 'submitted');
    // Its transaction is lost with the key: the pool forgets it, and nobody can send it again.
    await local.client.dropTransaction({
      hash:
        (
          await running.bursar.store.read((tx) =>
            tx.get(
              query((db) =>
                db.selectFrom('transaction_attempts').select('hash').orderBy('transaction_id', 'desc').limit(1),
              ),
            ),
          )
        )?.hash ?? '0x',
    });
    await local.client.setAutomine(true);
    const lostKey = await running.keys.address('executor');
    const owner = await keyAccount(running.keys, 'owner');
    const next = generatePrivateKey();
    await running.bursar.stop();
    await sendInOrder(local.client, owner, [ownerCalls.setExecutor(made.wallet.address, privateKeyToAddress(next))]);
    await local.fundGas([privateKeyToAddress(next)]);
    await running.stop();
    process.env.BURSAR_KEY_EXECUTOR = next;
    await restart();
    expect(await running.keys.address('executor')).not.toBe(lostKey);
    expect(await settled(signed)).not.toBe('failed');
    expect(await eventBodies(running.bursar.store, 'transactions.requeued')).toHaveLength(1);
    expect(await settled(await pay(made.id, '3.00'))).not.toBe('failed');
    expect(await arrived()).toBe(before + 5_000_000n);
    expect(
      ((await client.call('check_ledger')) as { checks: { ok: boolean }[] }).checks.filter(({ ok }) => !ok),
    ).toEqual([]);
  });
});

describe('Books that are older than the chain', () => {
  it('give out no wallet nonce that was used, also when nobody said that they were put back', async () => {
    const { id } = (await client.call('get_agent', { id: 'rekeyed' })) as { id: string };
    await running.bursar.store.write((tx) =>
      tx.run(query((db) => db.updateTable('wallets').set({ next_nonce: 0 }).where('agent_id', '=', id))),
    );
    await running.stop();
    await restart();
    const next = await running.bursar.store.read((tx) =>
      tx.get(query((db) => db.selectFrom('wallets').select('next_nonce as n').where('agent_id', '=', id))),
    );
    expect(Number(next?.n)).toBeGreaterThan(1_000_000);
    expect(await settled(await pay(id, '1.00'))).not.toBe('failed');
  });
});
