import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { encodeFunctionData, erc20Abi, parseAbiItem } from 'viem';
import { afterAll, expect, it } from 'vitest';
import { type Client, createClient } from '../src/api/client/client.ts';
import { sendInOrder } from '../src/app/local-chain/client.ts';
import { writeConfig } from '../src/app/server/config.ts';
import { prepareDataDir } from '../src/app/server/dataDir.ts';
import { keepFinalizing } from '../src/app/server/finalize.ts';
import { keysOf, startChain } from '../src/app/server/localLaunch.ts';
import { openBooks } from '../src/books/ledger/rowSeals.ts';
import { keyAccount } from '../src/chain/keys/keyAccount.ts';
import { microUsdc } from '../src/core/money/microUsdc.ts';
import {
  addContractors,
  addressOf,
  csvOf,
  type PayoutDocument,
  untilOver,
  usePayoutPolicy,
} from './support/payoutScene.ts';

const LINES = 1_000;
const ended: (() => unknown)[] = [];
afterAll(async () => {
  for (const end of ended.reverse()) await end();
});

type Served = { client: Client; key: string; kill: () => Promise<void> };

/** A server in a process of its own, which a test may kill as a machine that loses power would. */
async function serve(dir: string, key: string | null): Promise<Served> {
  const child: ChildProcess = spawn(process.execPath, ['--import', 'tsx', 'test/support/payoutServer.mts', dir], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const kill = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  };
  ended.push(kill);
  if (!child.stdout) throw new Error('The server has no output.');
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
  const { url, operatorKey } = JSON.parse(line) as { url: string; operatorKey: string | null };
  const known = operatorKey ?? key ?? '';
  return { client: createClient(url, known), key: known, kill };
}

it('settles every line exactly once, though the server is killed in the middle, twice', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'bursar-payout-'));
  ended.push(() => rmSync(dir, { recursive: true, force: true }));
  const dataDir = prepareDataDir(dir);
  const keys = await keysOf(dataDir, () => {});
  const local = await startChain(dataDir, keys, null, () => {});
  ended.push(() => local.stop());
  ended.push(keepFinalizing(local));
  writeConfig(dataDir, {
    chain: {
      id: local.anvil.chainId,
      rpc_url: local.anvil.url,
      usdc: local.usdc.address,
      factory: local.factory,
      registry: local.registry,
      finality: { kind: 'depth', blocks: 2 },
      poll_ms: 100,
      start_block: null,
    },
    server: { host: '127.0.0.1', port: 0 },
  });
  const store = await openBooks(dataDir.database);
  await addContractors(store, 0, LINES);
  await store.close();

  let server = await serve(dir, null);
  await usePayoutPolicy(server.client);
  const treasury = await keyAccount(keys, 'treasury');
  await server.client.call('create_sponsor', { name: 'Finance', treasury_address: treasury.address });
  const agent = (await server.client.call('create_agent', {
    name: 'payroll',
    sponsor: 'Finance',
    labels: { purpose: 'payouts' },
  })) as { id: string; wallet: { address: `0x${string}` } };
  const amount = microUsdc(100_000_000n);
  await local.mint(treasury.address, amount);
  const data = encodeFunctionData({ abi: erc20Abi, functionName: 'transfer', args: [agent.wallet.address, amount] });
  await sendInOrder(local.client, treasury, [{ to: local.usdc.address, data }]);
  const available = async (): Promise<unknown> =>
    ((await server.client.call('get_agent', { id: agent.id })) as { balances: { available: { value: string } } })
      .balances.available.value;
  await expect.poll(available, { timeout: 20_000 }).toBe('100.00');

  const csv = csvOf(0, LINES);
  const key = { idempotencyKey: 'file:july.csv' };
  const ask = async (): Promise<PayoutDocument> =>
    (await server.client.call('create_payout', { agent: agent.id, csv }, key)) as PayoutDocument;
  const { id } = await ask();
  const seen = async (there: (now: PayoutDocument) => boolean): Promise<PayoutDocument> => {
    for (;;) {
      const now = (await server.client.call('get_payout', { id })) as PayoutDocument;
      if (there(now)) return now;
    }
  };
  // While lines are being decided, and while transactions are on their way.
  const first = await seen((now) => now.waiting < LINES);
  await server.kill();
  expect(first.settled).toBeLessThan(LINES);
  server = await serve(dir, server.key);
  const second = await seen((now) => now.transactions.mined > 0 || now.settled > 0);
  await server.kill();
  expect(second.settled).toBeLessThan(LINES);
  server = await serve(dir, server.key);
  expect(await ask()).toMatchObject({ id, replayed: true });

  expect(await untilOver(server.client, id)).toMatchObject({ total: LINES, settled: LINES, denied: 0, failed: 0 });
  const transfers = await local.client.getLogs({
    address: local.usdc.address,
    event: parseAbiItem('event Transfer(address indexed from, address indexed to, uint256 value)'),
    args: { from: agent.wallet.address },
    fromBlock: 0n,
  });
  const paid = new Map(transfers.map(({ args }) => [args.to, args.value]));
  expect(transfers).toHaveLength(LINES);
  expect(paid.size).toBe(LINES);
  for (let n = 0; n < LINES; n += 1) expect(paid.get(addressOf(`c${n}`))).toBe(10_000n + BigInt(n % 100) * 100n);
  const told = await server.client.call('check_ledger');
  expect((told.checks as { ok: boolean }[]).filter(({ ok }) => !ok)).toEqual([]);
});
