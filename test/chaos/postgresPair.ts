import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, mkdtempSync, rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import pg from 'pg';
import { binariesIn } from '../../src/store/postgres/cluster.ts';

const run = promisify(execFile);
const STANDBY = 'standby';
/** PostgreSQL refuses to run as root. */
const NOBODY = 65_534;
const user = process.geteuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {};

/** A primary and a standby that has everything which a commit was answered for (synchronous streaming replication). */
export type PostgresPair = {
  /** Of a proxy, as an operator's virtual address: it stays when the standby takes over. */
  url(database: string): string;
  /** `kill -9` of the primary; the standby is promoted, and gets a standby of its own. */
  failOver(): Promise<void>;
  close(): Promise<void>;
};

type Node = { folder: string; child: ChildProcess };

export async function openPair(): Promise<PostgresPair> {
  const bin = binariesIn(process.env.PATH ?? '');
  const env = { LC_ALL: 'C', PATH: process.env.PATH };
  const inBin = (program: string, args: readonly string[]) =>
    run(join(bin, program), args, { ...user, env, cwd: tmpdir() });
  const newFolder = (): string => {
    const folder = mkdtempSync(join(tmpdir(), 'bursar-pg-'));
    if (user.uid !== undefined) chownSync(folder, NOBODY, NOBODY);
    return folder;
  };

  async function start(folder: string): Promise<Node> {
    const flags = ['listen_addresses=', `unix_socket_directories=${folder}`, 'max_connections=200'];
    const args = ['-D', join(folder, 'data'), ...flags.flatMap((flag) => ['-c', flag])];
    const child = spawn(join(bin, 'postgres'), args, {
      ...user,
      env,
      cwd: folder,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const endWithParent = (): void => void child.kill('SIGKILL');
    process.on('exit', endWithParent);
    child.once('exit', () => process.off('exit', endWithParent));
    let said = '';
    await new Promise<void>((resolve, reject) => {
      child.once('exit', () => reject(new Error(`PostgreSQL did not start: ${said.slice(-500)}`)));
      child.stderr.on('data', (text: Buffer) => {
        if (said.length < 100_000) said += text.toString();
        if (/ready to accept (read-only )?connections/.test(said)) resolve();
      });
    });
    return { folder, child };
  }

  async function attach(primary: Node): Promise<Node> {
    const folder = newFolder();
    const source = `host=${primary.folder} user=bursar application_name=${STANDBY}`;
    await inBin('pg_basebackup', ['-D', join(folder, 'data'), '-d', source, '-R', '-X', 'stream', '-c', 'fast']);
    const standby = await start(folder);
    while ((await ask(primary.folder, 'SELECT 1 FROM pg_stat_replication WHERE sync_state = $1', ['sync'])) === 0)
      await sleep(50);
    return standby;
  }

  const first = newFolder();
  await inBin('initdb', [
    '-D',
    join(first, 'data'),
    '-U',
    'bursar',
    '-A',
    'trust',
    '-E',
    'UTF8',
    '--locale=C',
    '--no-sync',
  ]);
  let primary = await start(first);
  await ask(first, `ALTER SYSTEM SET synchronous_standby_names = '${STANDBY}'`);
  await ask(first, 'SELECT pg_reload_conf()');
  let standby = await attach(primary);
  const proxy = await proxyTo(() => join(primary.folder, '.s.PGSQL.5432'));

  async function end({ folder, child }: Node): Promise<void> {
    if (child.exitCode === null && child.signalCode === null) {
      const exited = once(child, 'exit');
      child.kill('SIGKILL');
      await exited;
    }
    // Its backends end by themselves when they see that.
    rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  }

  return {
    url: (database) => `postgres://bursar@127.0.0.1:${proxy.port}/${database}`,
    failOver: async () => {
      const before = primary;
      proxy.cut();
      before.child.kill('SIGKILL');
      await ask(standby.folder, 'SELECT pg_promote()');
      primary = standby;
      await end(before);
      proxy.open();
      standby = await attach(primary);
    },
    close: async () => {
      await proxy.close();
      await end(standby);
      await end(primary);
    },
  };
}

/** The number of rows. */
async function ask(folder: string, sql: string, values: readonly string[] = []): Promise<number> {
  const client = new pg.Client({ host: folder, user: 'bursar', database: 'postgres' });
  await client.connect();
  try {
    return (await client.query(sql, [...values])).rowCount ?? 0;
  } finally {
    await client.end();
  }
}

/** A TCP proxy to the socket that is right at the moment; while it is cut, connections end at once. */
async function proxyTo(path: () => string) {
  const sockets = new Set<Socket>();
  let isCut = false;
  const server: Server = createServer((client) => {
    if (isCut) {
      client.destroy();
      return;
    }
    const database = createConnection(path());
    for (const [one, other] of [
      [client, database],
      [database, client],
    ] as const) {
      sockets.add(one);
      one.on('error', () => other.destroy());
      one.on('close', () => {
        sockets.delete(one);
        other.destroy();
      });
      one.pipe(other);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const cut = (): void => {
    isCut = true;
    for (const socket of sockets) socket.destroy();
  };
  return {
    port: (server.address() as AddressInfo).port,
    cut,
    open: (): void => {
      isCut = false;
    },
    close: async (): Promise<void> => {
      cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
