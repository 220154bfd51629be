import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTestClient, http, publicActions, walletActions } from 'viem';
import { anvil as anvilChain } from 'viem/chains';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { devAccounts } from './accounts.ts';
import { type Anvil, startAnvil } from './anvil.ts';
import { anvilBinary } from './anvilBinary.ts';

const running: Anvil[] = [];
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'bursar-anvil-'));
});
afterEach(async () => {
  await Promise.all(running.splice(0).map((anvil) => anvil.stop()));
  rmSync(folder, { recursive: true, force: true });
});

async function start(options: Parameters<typeof startAnvil>[0] = {}): Promise<Anvil> {
  const anvil = await startAnvil(options);
  running.push(anvil);
  return anvil;
}

function clientOf(anvil: { url: string }) {
  return createTestClient({ mode: 'anvil', chain: anvilChain, transport: http(anvil.url) })
    .extend(publicActions)
    .extend(walletActions);
}

describe('startAnvil', () => {
  it('listens on a free port of 127.0.0.1 with the chain id asked for, and is gone after stop', async () => {
    const anvil = await start({ chainId: 84_532 });
    expect(anvil.status()).toBe('running');
    expect(await clientOf(anvil).getChainId()).toBe(84_532);
    await anvil.stop();
    await anvil.stop();
    expect(anvil.status()).toBe('stopped');
    await expect(fetch(anvil.url)).rejects.toThrow();
  });

  it('two at once get different ports', async () => {
    const [one, two] = await Promise.all([start(), start()]);
    expect(one.port).not.toBe(two.port);
  });

  it('says so when the port is taken', async () => {
    const one = await start();
    await expect(startAnvil({ port: one.port })).rejects.toMatchObject({ code: 'chain_unavailable' });
  });

  it('notices when anvil dies by itself', async () => {
    const anvil = await start();
    process.kill(anvil.pid, 'SIGKILL');
    await expect.poll(() => anvil.status()).toBe('exited');
    await anvil.stop();
    expect(anvil.status()).toBe('exited');
  });

  it('resumes the same chain from its state file', async () => {
    const stateFile = join(folder, 'chain.json');
    const first = await start({ stateFile });
    const balance = await pay(first);
    const block = await clientOf(first).getBlock({ blockNumber: 1n });
    await first.stop();
    const second = await start({ stateFile });
    const client = clientOf(second);
    expect((await client.getBlock({ blockNumber: 1n })).hash).toBe(block.hash);
    expect(await client.getBalance({ address: PAYEE })).toBe(balance);
  });

  it('keeps the chain when anvil was killed after a state interval', async () => {
    const stateFile = join(folder, 'chain.json');
    const first = await start({ stateFile, stateIntervalSeconds: 1 });
    const balance = await pay(first);
    await expect.poll(() => savedBlocks(stateFile), { timeout: 8_000 }).toBeGreaterThan(1);
    process.kill(first.pid, 'SIGKILL');
    await expect.poll(() => first.status()).toBe('exited');
    const second = await start({ stateFile });
    expect(await clientOf(second).getBalance({ address: PAYEE })).toBe(balance);
  });

  it('ends an anvil left behind on its state file, and loses none of its blocks', async () => {
    const stateFile = join(folder, 'chain.json');
    // A parent that is killed without a chance to end its anvil leaves exactly this behind.
    const arguments_ = ['--port', '0', '--state', stateFile, '--state-interval', '3600'];
    const orphan = spawn(anvilBinary(), arguments_, { stdio: ['ignore', 'pipe', 'ignore'] });
    const port = await new Promise<number>((resolve) => {
      orphan.stdout.on('data', (chunk: Buffer) => {
        const found = /Listening on 127\.0\.0\.1:(\d+)/.exec(chunk.toString());
        if (found) resolve(Number(found[1]));
      });
    });
    writeFileSync(`${stateFile}.pid`, JSON.stringify({ pid: orphan.pid, port }));
    const balance = await pay({ url: `http://127.0.0.1:${port}` });
    const next = await start({ stateFile });
    expect(await clientOf(next).getBalance({ address: PAYEE })).toBe(balance);
    await expect(fetch(`http://127.0.0.1:${port}`)).rejects.toThrow();
  });

  it('leaves a process alone that merely has the process id noted in the file', async () => {
    const stateFile = join(folder, 'chain.json');
    writeFileSync(`${stateFile}.pid`, JSON.stringify({ pid: process.pid, port: 9 }));
    expect((await start({ stateFile })).status()).toBe('running');
  });

  it('falls back to the state of the last start when the file is cut off', async () => {
    const stateFile = join(folder, 'chain.json');
    const first = await start({ stateFile });
    const balance = await pay(first);
    await first.stop();
    await (await start({ stateFile })).stop();
    writeFileSync(stateFile, readFileSync(stateFile, 'utf8').slice(0, 500));
    const third = await start({ stateFile });
    expect(await clientOf(third).getBalance({ address: PAYEE })).toBe(balance);
  });
});

const PAYEE = devAccounts[1].address;

async function pay(anvil: { url: string }): Promise<bigint> {
  const client = clientOf(anvil);
  const hash = await client.sendTransaction({ account: devAccounts[0], to: PAYEE, value: 1n });
  await client.waitForTransactionReceipt({ hash, pollingInterval: 20 });
  return client.getBalance({ address: PAYEE });
}

function savedBlocks(stateFile: string): number {
  try {
    const state: unknown = JSON.parse(readFileSync(stateFile, 'utf8'));
    if (typeof state !== 'object' || state === null || !('blocks' in state) || !Array.isArray(state.blocks)) return 0;
    return state.blocks.length;
  } catch {
    return 0;
  }
}
