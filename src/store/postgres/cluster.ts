import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import { BursarError } from '../../core/errors/base.ts';

export type ClusterOptions = {
  /** Holds the data and the socket; made if it is missing. */
  folder: string;
  /** Where the programs are searched: the environment's PATH. */
  searchPath: string;
  /** Settings of the server beside those of `postgresql.conf`, as `fsync=off`. */
  settings?: readonly string[];
};
export type Cluster = {
  /** The URL of a database of this cluster. */
  url(database: string): string;
  readonly pid: number;
  stop(): Promise<void>;
};

const PID_FILE = 'postmaster.pid';
const READY = 'database system is ready to accept connections';
const START_MS = 60_000;
const [ORPHAN_TURNS, ORPHAN_TURN_MS] = [200, 50];
const SOCKET_BYTES_MAX = 103;

/** Starts a PostgreSQL in a folder, reachable by a Unix socket there and not by the network. Throws `not_configured`. */
export async function startCluster({ folder, searchPath, settings = [] }: ClusterOptions): Promise<Cluster> {
  const bin = binariesIn(searchPath);
  const data = join(folder, 'data');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const user = serverUser();
  if (user) chownSync(folder, user.uid, user.gid);
  const env = { LC_ALL: 'C', PATH: searchPath };
  if (!existsSync(join(data, 'PG_VERSION'))) {
    const made = ['-D', data, '-U', 'bursar', '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync'];
    execFileSync(join(bin, 'initdb'), made, { ...user, env, stdio: ['ignore', 'ignore', 'pipe'], cwd: folder });
  }
  await endOrphan(join(data, PID_FILE));
  const sockets = socketFolder(folder, user);
  const flags = ['listen_addresses=', `unix_socket_directories=${sockets}`, 'max_connections=200', ...settings];
  const child = spawn(join(bin, 'postgres'), ['-D', data, ...flags.flatMap((flag) => ['-c', flag])], {
    ...user,
    env,
    cwd: folder,
    stdio: ['ignore', 'ignore', 'pipe'],
    // Ctrl-C in a terminal ends our server first, which ends this one.
    detached: true,
  });
  const endWithParent = (): void => void child.kill('SIGQUIT');
  process.on('exit', endWithParent);
  child.once('exit', () => process.off('exit', endWithParent));
  await ready(child);
  return {
    url: (database) => `postgres:///${database}?host=${encodeURIComponent(sockets)}&user=bursar`,
    pid: child.pid as number,
    stop: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const exited = once(child, 'exit');
      // A fast shutdown: sessions are ended, and all is written.
      child.kill('SIGINT');
      await exited;
    },
  };
}

/** Makes a database unless it is there. */
export async function createDatabase(url: string, name: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rowCount } = await client.query('SELECT FROM pg_database WHERE datname = $1', [name]);
    if (rowCount === 0) await client.query(`CREATE DATABASE ${name}`);
  } finally {
    await client.end();
  }
}

/** Ends a PostgreSQL that a killed process has left running on the same data, and waits until it has written all. */
async function endOrphan(pidFile: string): Promise<void> {
  if (!existsSync(pidFile)) return;
  const pid = Number(readFileSync(pidFile, 'utf8').split('\n')[0]);
  if (!Number.isInteger(pid) || pid <= 1 || !isRunning(pid)) return;
  process.kill(pid, 'SIGINT');
  for (let turn = 0; turn < ORPHAN_TURNS && existsSync(pidFile); turn += 1) await pause(ORPHAN_TURN_MS);
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** The folder itself, or a short one where the path of the socket would be too long. */
function socketFolder(folder: string, user: ReturnType<typeof serverUser>): string {
  if (Buffer.byteLength(join(folder, '.s.PGSQL.5432')) <= SOCKET_BYTES_MAX) return folder;
  const short = mkdtempSync(join(tmpdir(), 'bursar-pg-'));
  if (user) chownSync(short, user.uid, user.gid);
  return short;
}

/** Resolves when the server answers. Throws with what it said if it ends instead. */
async function ready(child: ChildProcess): Promise<void> {
  let said = '';
  const timer = setTimeout(() => child.kill('SIGQUIT'), START_MS);
  try {
    await new Promise<void>((resolve, reject) => {
      const refused = (): void =>
        reject(new BursarError('not_configured', { message: `PostgreSQL did not start: ${said.trim().slice(-500)}` }));
      child.once('error', refused);
      child.once('exit', refused);
      child.stderr?.on('data', (chunk: Buffer) => {
        if (said.length < 100_000) said += chunk.toString();
        if (said.includes(READY)) resolve();
      });
    });
  } finally {
    clearTimeout(timer);
  }
}

/** The folder of the newest PostgreSQL programs: where Debian and Homebrew install them, or on the PATH. */
export function binariesIn(searchPath: string): string {
  const versions = ['/usr/lib/postgresql', '/opt/homebrew/opt', '/usr/local/opt'].flatMap((folder) =>
    existsSync(folder) ? newestFirst(readdirSync(folder)).map((name) => join(folder, name, 'bin')) : [],
  );
  const found = [...versions, ...searchPath.split(delimiter)].find((folder) =>
    ['initdb', 'postgres'].every((program) => existsSync(join(folder, program))),
  );
  if (found) return found;
  throw new BursarError('not_configured', {
    message: 'There is no PostgreSQL on this machine: install it, or name a database with DATABASE_URL.',
  });
}

const newestFirst = (names: readonly string[]): string[] => {
  const version = (name: string): number => Number(/(\d+)$/.exec(name)?.[1] ?? 0);
  return names.filter((name) => /^(postgresql@)?\d+$/.test(name)).sort((a, b) => version(b) - version(a));
};

/** PostgreSQL refuses to run as root: then it runs as the user that owns nothing. */
function serverUser(): { uid: number; gid: number } | null {
  return process.geteuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : null;
}
