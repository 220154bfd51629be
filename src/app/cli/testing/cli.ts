import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runCommand } from '../run.ts';

const root = fileURLToPath(new URL('../../../..', import.meta.url));

/** The real command line as a separate process, in a separate folder, with nothing of this machine's environment. */
export type Ran = { code: number | null; stdout: string; stderr: string; json: () => Record<string, unknown> };
export type Cli = {
  dir: string;
  dataDir: string;
  /** Runs to its end. */
  run(args: readonly string[], env?: Record<string, string>): Promise<Ran>;
  /** Runs inside this process, which saves a second of loading; one at a time. */
  inside(args: readonly string[]): Promise<Ran>;
  /** Keeps running. */
  start(args: readonly string[]): Running;
  /** `serve` on the data directory; resolves once the server reports its URL. */
  serve(...args: string[]): Promise<Running>;
  /** Kills running processes and removes the folder. */
  dispose(): Promise<void>;
};
export type Running = {
  child: ChildProcess;
  stdout: () => string;
  stderr: () => string;
  /** Resolves once stdout matches; rejects if the process ends before. */
  until(pattern: RegExp): Promise<RegExpExecArray>;
  stop(signal?: NodeJS.Signals): Promise<number | null>;
};

export function makeCli(): Cli {
  const dir = mkdtempSync(join(tmpdir(), 'bursar-cli-'));
  const dataDir = join(dir, 'data');
  const running = new Set<Running>();

  function start(args: readonly string[], env: Record<string, string> = {}): Running {
    const child = spawn(process.execPath, [join(root, 'src/app/cli/bursar.mjs'), ...args], {
      cwd: root,
      env: { PATH: process.env.PATH, HOME: dir, BURSAR_DATA_DIR: dataDir, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const output = { stdout: '', stderr: '' };
    const watching = new Set<() => void>();
    for (const name of ['stdout', 'stderr'] as const) {
      child[name].setEncoding('utf8').on('data', (chunk: string) => {
        output[name] += chunk;
        for (const look of watching) look();
      });
    }
    const started: Running = {
      child,
      stdout: () => output.stdout,
      stderr: () => output.stderr,
      until: (pattern) =>
        new Promise((resolve, reject) => {
          const look = (): void => {
            const found = pattern.exec(output.stdout);
            if (!found) return;
            watching.delete(look);
            resolve(found);
          };
          watching.add(look);
          child.once('close', () => reject(new Error(`Ended before ${pattern}: ${output.stdout}${output.stderr}`)));
          look();
        }),
      stop: async (signal = 'SIGTERM') => {
        if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
        const closed = once(child, 'close');
        child.kill(signal);
        await closed;
        return child.exitCode;
      },
    };
    running.add(started);
    child.once('close', () => running.delete(started));
    return started;
  }

  return {
    dir,
    dataDir,
    start,
    run: async (args, env) => {
      const started = start(args, env);
      if (started.child.exitCode === null) await once(started.child, 'close');
      return ran(started.child.exitCode, started.stdout(), started.stderr());
    },
    inside: async (args) => {
      const [stdout, stderr] = [capture(process.stdout), capture(process.stderr)];
      try {
        const code = await runCommand(args.includes('--data-dir') ? args : [...args, '--data-dir', dataDir]);
        return ran(code, stdout.text(), stderr.text());
      } finally {
        process.exitCode = undefined;
        stdout.end();
        stderr.end();
      }
    },
    serve: async (...args) => {
      const server = start(['serve', ...args]);
      await server.until(/Bursar serves on (\S+)/);
      return server;
    },
    dispose: async () => {
      for (const each of [...running]) await each.stop();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

function ran(code: number | null, stdout: string, stderr: string): Ran {
  return { code, stdout, stderr, json: () => JSON.parse(stdout) as Record<string, unknown> };
}

/** Captures the text written to a stream until `end`. */
function capture(stream: NodeJS.WriteStream): { text: () => string; end: () => void } {
  let text = '';
  const write = stream.write;
  stream.write = (chunk: string | Uint8Array): boolean => {
    text += typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString();
    return true;
  };
  return {
    text: () => text,
    end: () => {
      stream.write = write;
    },
  };
}

export function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });
}
