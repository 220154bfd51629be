import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { BursarError } from '../../core/errors/base.ts';

type Holder = { pid: number; port: number };
export type StateClaim = { hold(holder: Holder): void; release(): void };

const ORPHAN_TIMEOUT_MS = 10_000;

/**
 * Makes a state file safe to start from: ends an anvil that still runs on it (its parent was killed), and uses the copy of the last
 * start if a kill during a write left a partial file. `hold` records the process that runs on it now.
 */
export async function claimState(stateFile: string, chainId: number): Promise<StateClaim> {
  const holderFile = `${stateFile}.pid`;
  mkdirSync(dirname(stateFile), { recursive: true });
  const holder = readHolder(holderFile);
  if (holder !== null && (await isOurAnvil(holder, chainId))) await endOrphan(holder, stateFile);
  recover(stateFile);
  return {
    hold: (now) => writeFileSync(holderFile, JSON.stringify(now)),
    release: () => rmSync(holderFile, { force: true }),
  };
}

function readHolder(file: string): Holder | null {
  try {
    const value: unknown = JSON.parse(readFileSync(file, 'utf8'));
    if (typeof value !== 'object' || value === null || !('pid' in value) || !('port' in value)) return null;
    return typeof value.pid === 'number' && typeof value.port === 'number'
      ? { pid: value.pid, port: value.port }
      : null;
  } catch {
    return null;
  }
}

/** Process ids are reused: only a process whose recorded port answers as anvil on this chain is ours. */
async function isOurAnvil(holder: Holder, chainId: number): Promise<boolean> {
  if (!isAlive(holder.pid)) return false;
  const [client, id] = await Promise.all([ask(holder.port, 'web3_clientVersion'), ask(holder.port, 'eth_chainId')]);
  return client?.startsWith('anvil/') === true && id !== null && Number(id) === chainId;
}

async function ask(port: number, method: string): Promise<string | null> {
  try {
    const response = await fetch(`http://127.0.0.1:${port}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params: [] }),
      signal: AbortSignal.timeout(2_000),
    });
    const body: unknown = await response.json();
    return typeof body === 'object' && body !== null && 'result' in body ? String(body.result) : null;
  } catch {
    return null;
  }
}

async function endOrphan(holder: Holder, stateFile: string): Promise<void> {
  process.kill(holder.pid, 'SIGTERM');
  const deadline = process.hrtime.bigint() + BigInt(ORPHAN_TIMEOUT_MS) * 1_000_000n;
  while (isAlive(holder.pid)) {
    if (process.hrtime.bigint() > deadline) {
      throw new BursarError('chain_unavailable', {
        message: `Another anvil (process ${holder.pid}) holds ${stateFile} and does not end.`,
      });
    }
    await sleep(20);
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

function recover(stateFile: string): void {
  const copy = `${stateFile}.last-start`;
  if (isWhole(stateFile)) {
    copyFileSync(stateFile, copy);
    return;
  }
  if (existsSync(stateFile)) renameSync(stateFile, `${stateFile}.broken`);
  if (isWhole(copy)) copyFileSync(copy, stateFile);
}

function isWhole(file: string): boolean {
  try {
    JSON.parse(readFileSync(file, 'utf8'));
    return true;
  } catch {
    return false;
  }
}
