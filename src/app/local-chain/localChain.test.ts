import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { keccak256, toHex } from 'viem';
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts';
import { afterEach, expect, it } from 'vitest';
import { isPolicyActive } from '../../chain/contracts/policyRegistry.ts';
import { readTokenDomain, tokenAbi } from '../../chain/contracts/tokenDomain.ts';
import { openChain } from '../../chain/node/chain.ts';
import { microUsdc } from '../../core/money/microUsdc.ts';
import { devAccounts } from './accounts.ts';
import { startAnvil } from './anvil.ts';
import { devClient, sendInOrder } from './client.ts';
import { type LocalChain, startLocalChain } from './localChain.ts';
import { signatureChecker } from './usdc.ts';

const folder = mkdtempSync(join(tmpdir(), 'bursar-chain-'));
const owner = privateKeyToAccount(generatePrivateKey());
const policyDigest = keccak256(toHex('policy'));
const payee = devAccounts[9].address;
let local: LocalChain | null = null;
afterEach(async () => {
  await local?.stop();
  rmSync(folder, { recursive: true, force: true });
});

it('comes up with USDC, registry and factory, and again as the same chain', async () => {
  const stateFile = join(folder, 'chain.json');
  local = await startLocalChain({ owner, policyDigest, stateFile });
  await local.mint(payee, microUsdc(5_000_000n));
  const { factory, registry, usdc } = local;
  const before = await local.client.getBlock();
  await local.stop();

  local = await startLocalChain({ owner, policyDigest, stateFile });
  expect(local).toMatchObject({ factory, registry, usdc: { address: usdc.address } });
  expect((await local.client.getBlock({ blockNumber: before.number })).hash).toBe(before.hash);
  const chain = openChain({ chainId: 31_337, rpcUrl: local.anvil.url, token: usdc.address });
  expect((await readTokenDomain(chain)).name).toBe('USDC');
  // The books are read at the final block, also right after a restart.
  const { number } = await local.client.getBlock({ blockTag: 'finalized' });
  const balanceOf = { address: usdc.address, abi: tokenAbi, functionName: 'balanceOf', args: [payee] } as const;
  expect(await local.client.readContract({ ...balanceOf, blockNumber: number })).toBe(5_000_000n);
  expect(await isPolicyActive(chain, registry, policyDigest)).toBe(true);
  await local.mint(payee, microUsdc(1n));
});

it('a set-up that was cut short goes on where it stopped', async () => {
  const stateFile = join(folder, 'half.json');
  const half = await startAnvil({ stateFile });
  const client = devClient(half.url, half.chainId);
  // Stands for the first of the nine steps: the deployer's nonce is what tells how far it came.
  await sendInOrder(client, devAccounts[0], [{ data: signatureChecker() }]);
  await half.stop();
  local = await startLocalChain({ owner, stateFile });
  const chain = openChain({ chainId: 31_337, rpcUrl: local.anvil.url, token: local.usdc.address });
  expect((await readTokenDomain(chain)).version).toBe('2');
});

it('that is killed comes up again at its address, as the same chain, and gives up when it is killed again and again', async () => {
  const stateFile = join(folder, 'killed.json');
  const ends: boolean[] = [];
  local = await startLocalChain({ owner, policyDigest, stateFile, onEnd: (isLast) => ends.push(isLast) });
  const { client, usdc, anvil } = local;
  await local.mint(payee, microUsdc(5_000_000n));
  const held = (): Promise<bigint> =>
    client.readContract({ address: usdc.address, abi: tokenAbi, functionName: 'balanceOf', args: [payee] });
  const before = await client.getBlock();
  // Its state is written each second: what is in the file is kept.
  const saved = (): number => (JSON.parse(readFileSync(stateFile, 'utf8')) as { blocks: unknown[] }).blocks.length;
  await expect.poll(saved, { timeout: 8_000 }).toBeGreaterThan(Number(before.number));
  const { pid } = anvil;
  process.kill(pid, 'SIGKILL');
  await expect.poll(held, { timeout: 15_000 }).toBe(5_000_000n);
  expect(anvil.pid).not.toBe(pid);
  expect((await client.getBlock({ blockNumber: before.number })).hash).toBe(before.hash);
  await local.mint(payee, microUsdc(1n));
  expect(await held()).toBe(5_000_001n);
  for (let i = 0; i < 5; i += 1) {
    const now = anvil.pid;
    process.kill(now, 'SIGKILL');
    if (i < 4) await expect.poll(() => anvil.pid, { timeout: 15_000 }).not.toBe(now);
  }
  await expect.poll(() => ends.at(-1), { timeout: 15_000 }).toBe(true);
  expect(ends.filter((isLast) => !isLast)).toHaveLength(5);
  await expect(held()).rejects.toThrow();
});
