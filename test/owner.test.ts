import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { erc20Abi } from 'viem';
import { generatePrivateKey, privateKeyToAddress } from 'viem/accounts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestServer, type TestServer } from './support/testServer.ts';

const exec = promisify(execFile);
let server: TestServer;
let agent: Awaited<ReturnType<TestServer['agent']>>;
const folder = mkdtempSync(join(tmpdir(), 'bursar-owner-'));

beforeAll(async () => {
  server = await startTestServer();
  agent = await server.agent('owned', '20');
  const payee = await server.operator.call('create_payee', {
    name: 'Grace',
    kind: 'contractor',
    categories: ['contractor'],
    address: privateKeyToAddress(generatePrivateKey()),
    verified: true,
  });
  const request = { agent: agent.id, payee: payee.id, amount: { value: '1.00', currency: 'USDC' } };
  const { id } = await server.operator.call('pay', request, { idempotencyKey: 'owner-test-first' });
  await server.until(String(id), ['settled', 'final']);
});
afterAll(async () => {
  await server.end();
  rmSync(folder, { recursive: true, force: true });
});

const cliAt = async (dataDir: string, environment: Record<string, string>, ...args: string[]) => {
  const command = ['src/app/cli/bursar.mjs', ...args, '--data-dir', dataDir, '--json'];
  const { stdout } = await exec(process.execPath, command, { env: { ...process.env, ...environment } });
  return JSON.parse(stdout) as Record<string, unknown>;
};
const cli = (...args: string[]) => cliAt(server.dataDir.dir, {}, ...args);
const usdc = (value: string) => ({ value, currency: 'USDC' });

describe('bursar owner', () => {
  it('cuts a ceiling at once and lets a raise wait, signed by the owner and sent by the server', async () => {
    const sent = await cli(
      'owner',
      'set_ceilings',
      '--agent',
      'owned',
      '--per-payment',
      '7',
      '--per-period',
      '9000',
      '--yes',
    );
    expect(sent).toMatchObject({ sent_by: 'server' });
    const wallet = await server.operator.call('get_wallet', { id: agent.id });
    expect(wallet).toMatchObject({
      ceilings: { per_payment: usdc('7.00'), per_period: usdc('5000.00') },
      pending_raise: { per_period: usdc('9000.00') },
    });
    const { agents } = (await server.operator.call('exposure', { agent: agent.id })) as {
      agents: { warnings: { code: string }[] }[];
    };
    expect(agents[0]?.warnings.map(({ code }) => code)).toContain('policy_above_payment_ceiling');
  });

  it('writes a Safe file and sends nothing', async () => {
    const file = join(folder, 'unfreeze.json');
    await cli('owner', 'freeze', '--agent', 'owned', '--safe-file', file);
    const batch = JSON.parse(readFileSync(file, 'utf8')) as {
      chainId: string;
      transactions: Record<string, unknown>[];
    };
    expect(batch).toMatchObject({ version: '1.0', chainId: '31337' });
    expect(batch.transactions).toMatchObject([{ to: agent.wallet, value: '0', contractMethod: { name: 'freeze' } }]);
    expect(await server.operator.call('get_wallet', { id: agent.id })).toMatchObject({ frozen: false });
  });

  it('signs only with the key of who must send it', async () => {
    const refused = cli('owner', 'unfreeze', '--agent', 'owned', '--role', 'guardian', '--yes');
    await expect(refused).rejects.toMatchObject({ stdout: expect.stringContaining('signing_refused') });
  });
});

describe('Without any database', () => {
  it('the chain tells the wallets, and the owner takes the money out', async () => {
    const first = cli('owner', 'unfreeze', '--wallet', agent.wallet, '--yes');
    await expect(first).rejects.toMatchObject({ stdout: expect.stringContaining('storage_in_use') });
    const rest = join(folder, 'what is left');
    mkdirSync(rest, { mode: 0o700 });
    for (const name of ['config.json', 'keystore', 'passphrase']) {
      cpSync(join(server.dataDir.dir, name), join(rest, name), { recursive: true });
    }
    const alone = (...args: string[]) => cliAt(rest, { BURSAR_RPC_URL: server.rpcUrl }, ...args);
    const { wallets } = (await alone('wallets')) as { wallets: { wallet: string; balance: string }[] };
    expect(wallets).toMatchObject([{ wallet: agent.wallet, balance: '19.00' }]);
    const to = privateKeyToAddress(generatePrivateKey());
    await alone('owner', 'withdraw', '--wallet', agent.wallet, '--address', to, '--amount', '19.00', '--yes');
    const { usdc: token } = server.config.chain;
    const args = [to] as const;
    const got = await server.local.client.readContract({
      address: token,
      abi: erc20Abi,
      functionName: 'balanceOf',
      args,
    });
    expect(got).toBe(19_000_000n);
    // The books follow: an owner's withdrawal is an alert, not a theft.
    for (let i = 0; i < 200; i += 1) {
      const { balances } = (await server.operator.call('get_agent', { id: agent.id })) as {
        balances: Record<string, unknown>;
      };
      if (JSON.stringify(balances.available) === JSON.stringify(usdc('0.00'))) break;
      await sleep(50);
    }
    expect((await server.operator.call('get_agent', { id: agent.id })).balances).toMatchObject({
      available: usdc('0.00'),
    });
    expect(await server.operator.call('check_ledger')).toMatchObject({ ok: true });
  });
});
