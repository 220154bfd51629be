import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));

export type ServerOptions = {
  dataDir: string;
  port: number;
  /** The output of every start is appended to it. */
  logFile: string;
  env?: Record<string, string>;
  /** What stands before `node` on the command line. */
  prefix?: readonly string[];
  /** Arguments of `node` itself. */
  nodeArguments?: readonly string[];
};

/** How a start went: `killed` by us before it served, or it ended by itself. */
export type Started = 'serves' | 'killed' | { code: number | null; output: string };

/** One `bursar serve` that is killed and started again; clients know it by its URL, which stays. */
export type ServerProcess = {
  readonly url: string;
  /** Starts the process. Resolves once it serves or has ended. */
  start(): Promise<Started>;
  /** Serves at this moment. */
  isServing(): boolean;
  pid(): number | null;
  /** SIGKILL, as a power cut is to a process. Resolves when the system has taken it away. */
  kill(): Promise<void>;
  /** SIGTERM, and the code that it ends with. */
  stop(): Promise<number | null>;
  /** Ends, after it served, that nobody asked for, as `code 1`. */
  readonly deaths: string[];
};

export function serverProcess(options: ServerOptions): ServerProcess {
  const { dataDir, port, logFile, env = {}, prefix = [], nodeArguments = [] } = options;
  const deaths: string[] = [];
  let child: ChildProcess | null = null;
  let serving = false;
  /** The process whose end was asked for. */
  let ending: ChildProcess | null = null;

  function start(): Promise<Started> {
    const command = [...prefix, process.execPath, ...nodeArguments, `${root}src/app/cli/bursar.mjs`];
    const args = [...command.slice(1), 'serve', '--data-dir', dataDir, '--port', String(port)];
    const started = spawn(command[0] as string, args, {
      cwd: root,
      env: { PATH: process.env.PATH, HOME: dataDir, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    child = started;
    serving = false;
    const endWithParent = (): void => {
      started.kill('SIGKILL');
    };
    process.once('exit', endWithParent);
    const log = createWriteStream(logFile, { flags: 'a' });
    log.write(`== started as ${started.pid}\n`);
    let output = '';
    return new Promise<Started>((resolve) => {
      started.stdout.setEncoding('utf8').on('data', (text: string) => {
        log.write(text);
        if (serving || started !== child) return;
        output += text;
        if (!output.includes('Bursar serves on')) return;
        serving = true;
        resolve('serves');
      });
      started.stderr.setEncoding('utf8').on('data', (text: string) => {
        log.write(text);
        if (!serving) output += text;
      });
      started.once('close', (code, signal) => {
        process.off('exit', endWithParent);
        if (serving && started === child) deaths.push(`${signal ?? `code ${code}`}`);
        if (started === child) serving = false;
        log.end(`== ended: ${signal ?? `code ${code}`}\n`);
        resolve(ending === started ? 'killed' : { code, output });
      });
    });
  }

  async function end(signal: NodeJS.Signals): Promise<number | null> {
    const mine = child;
    if (!mine) return null;
    ending = mine;
    serving = false;
    if (mine.exitCode === null && mine.signalCode === null) {
      const closed = once(mine, 'close');
      mine.kill(signal);
      await closed;
    }
    return mine.exitCode;
  }

  return {
    url: `http://127.0.0.1:${port}`,
    start,
    isServing: () => serving,
    pid: () => child?.pid ?? null,
    kill: async () => {
      await end('SIGKILL');
    },
    stop: () => end('SIGTERM'),
    deaths,
  };
}
