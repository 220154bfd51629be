import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { BursarError } from '../../core/errors/base.ts';
import { anvilBinary } from './anvilBinary.ts';
import { claimState } from './anvilState.ts';

/** `exited`: it ended without a call of `stop`. */
export type AnvilStatus = 'starting' | 'running' | 'stopping' | 'stopped' | 'exited';

export type AnvilOptions = {
  /** Default 31337. */
  chainId?: number;
  /** Default 0: the system picks a free one. */
  port?: number;
  /** Default: a block per transaction, at once. `0.5` is allowed. */
  blockTimeSeconds?: number;
  /** Blocks only by `evm_mine` or `anvil_mine`: for tests of stuck transactions. */
  noMining?: boolean;
  /** `finalized` is twice this number behind `latest`. Default 1 here (anvil's own: 32), so that demos reach finality. */
  slotsInAnEpoch?: number;
  /** The chain is loaded from this file and saved in it: a later start has the same blocks, and the state from the last one on. */
  stateFile?: string;
  /** How often the state is saved while running. Default 1; a killed anvil can lose this much. */
  stateIntervalSeconds?: number;
};

export type Anvil = {
  readonly url: string;
  readonly port: number;
  readonly chainId: number;
  readonly pid: number;
  /** Resolves when it has ended for any reason. */
  readonly exited: Promise<void>;
  status(): AnvilStatus;
  /** Ends it and waits until its state is on disk. Idempotent. */
  stop(): Promise<void>;
};

const START_TIMEOUT_MS = 15_000;
const STOP_TIMEOUT_MS = 10_000;

/**
 * Starts anvil on 127.0.0.1 and resolves once it listens. With a state file, it first ends an anvil that an earlier, killed process
 * left running on that file (it saves its state as it ends), so no block is lost and two never share a file. Throws
 * `chain_unavailable` if it does not start.
 */
export async function startAnvil(options: AnvilOptions = {}): Promise<Anvil> {
  const chainId = options.chainId ?? 31_337;
  const claim = options.stateFile === undefined ? null : await claimState(options.stateFile, chainId);
  const child = spawn(anvilBinary(), argumentsFor(options, chainId), {
    stdio: ['ignore', 'pipe', 'pipe'],
    // Detached from the terminal, so that Ctrl-C ends our server first. A process that is left behind is found by the state file.
    detached: options.stateFile !== undefined,
  });
  let status: AnvilStatus = 'starting';
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.once('exit', () => {
    status = status === 'stopping' ? 'stopped' : 'exited';
    process.off('exit', endWithParent);
  });
  const endWithParent = (): void => {
    child.kill('SIGTERM');
  };
  process.on('exit', endWithParent);
  const port = await listening(child);
  status = 'running';
  const pid = child.pid as number;
  claim?.hold({ pid, port });
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    chainId,
    pid,
    exited,
    status: () => status,
    stop: async () => {
      if (status === 'running') {
        status = 'stopping';
        await end(child);
        claim?.release();
      } else if (status === 'stopping') await once(child, 'exit');
    },
  };
}

function argumentsFor(options: AnvilOptions, chainId: number): string[] {
  const list = ['--host', '127.0.0.1', '--port', `${options.port ?? 0}`, '--chain-id', `${chainId}`];
  list.push('--slots-in-an-epoch', `${options.slotsInAnEpoch ?? 1}`);
  if (options.blockTimeSeconds !== undefined) list.push('--block-time', `${options.blockTimeSeconds}`);
  if (options.noMining) list.push('--no-mining');
  if (options.stateFile !== undefined) {
    // Without earlier states: they cost 180 KB a block (measured), saved again at each interval. The head's state is kept.
    list.push('--state', options.stateFile);
    list.push('--state-interval', `${options.stateIntervalSeconds ?? 1}`);
  }
  return list;
}

/** Reads the port that it prints; the output is drained from then on, because a full pipe would stop it. */
function listening(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    let output = '';
    const fail = (why: string): void => {
      clearTimeout(timer);
      child.kill('SIGKILL');
      const detail = output.trim().split('\n').slice(-5).join(' ');
      reject(new BursarError('chain_unavailable', { message: `anvil ${why}. ${detail}`.trim() }));
    };
    const timer = setTimeout(() => fail(`did not listen within ${START_TIMEOUT_MS} ms`), START_TIMEOUT_MS);
    child.once('error', (error) => fail(`could not be started: ${error.message}`));
    child.once('exit', (code) => fail(`ended at once with code ${code}`));
    const read = (chunk: Buffer): void => {
      if (output.length < 65_536) output += chunk.toString();
      const found = /Listening on 127\.0\.0\.1:(\d+)/.exec(output);
      if (!found) return;
      clearTimeout(timer);
      child.removeAllListeners('error');
      child.stdout?.off('data', read).resume();
      child.stderr?.off('data', read).resume();
      resolve(Number(found[1]));
    };
    child.stdout?.on('data', read);
    child.stderr?.on('data', read);
  });
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
  child.kill('SIGTERM');
  await exited;
  clearTimeout(timer);
}
