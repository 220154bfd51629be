import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, existsSync, mkdirSync, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { BursarError } from '../../core/errors/base.ts';

export type ClusterOptions = {
  /** Holds the data and the socket; made if it is missing. Its path must be short: a socket's has at most 107 bytes. */
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

const READY = 'database system is ready to accept connections';
const START_MS = 60_000;

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
  const flags = ['listen_addresses=', `unix_socket_directories=${folder}`, 'max_connections=200', ...settings];
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
    url: (database) => `postgres:///${database}?host=${encodeURIComponent(folder)}&user=bursar`,
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
