import { type ChildProcess, execFile, fork } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import pg from 'pg';
import { openBooks, rowSealing } from '../src/books/ledger/rowSeals.ts';
import { postgresMigrations } from '../src/store/migrations/index.ts';
import { binariesIn, type Cluster, startCluster } from '../src/store/postgres/cluster.ts';
import { migratePostgres } from '../src/store/postgres/migrate.ts';
import { CALLERS } from './callers.ts';
import { type Figure, median, type Say } from './figure.ts';
import { readGroups, writeGroups } from './postgresRows.ts';
import type { Ran, Round } from './postgresServer.ts';
import { inTemporaryFolder, populate, START_MS, type World } from './world.ts';

const ROUNDS = 5;
const PAYMENTS = 4_000;
/** One transaction a payment is slow, so fewer tell as much. */
const SINGLE_PAYMENTS = 1_000;
const PGBENCH_SECONDS = 5;

/** Double entry at its barest: two accounts, one transfer, two postings. */
const TRANSFER = `\\set a random(1, 1000)
\\set b random(1, 1000)
BEGIN;
UPDATE bench_accounts SET balance = balance - 1 WHERE id = least(:a::bigint, :b::bigint);
UPDATE bench_accounts SET balance = balance + 1 WHERE id = greatest(:a::bigint, :b::bigint);
INSERT INTO bench_transfers (a, b, amount) VALUES (:a, :b, 1);
INSERT INTO bench_postings (account, amount) VALUES (:a, -1), (:b, 1);
COMMIT;
`;
const TABLES = `CREATE TABLE bench_accounts (id bigint PRIMARY KEY, balance bigint NOT NULL) WITH (fillfactor = 50);
INSERT INTO bench_accounts SELECT i, 0 FROM generate_series(1, 1000) i;
CREATE TABLE bench_transfers (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, a bigint, b bigint, amount bigint);
CREATE TABLE bench_postings (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, account bigint, amount bigint)`;

/**
 * The gate on PostgreSQL, durable (fsync on), in processes of their own. Rounds alternate; each starts from a copy of one database, and
 * each ratio is the median of the rounds' ratios.
 */
export async function postgres(say: Say): Promise<Figure[]> {
  return await inTemporaryFolder(async (folder) => {
    const cluster = await startCluster({ folder, searchPath: process.env.PATH ?? '', settings });
    try {
      return await measured(say, cluster, folder);
    } finally {
      await cluster.stop();
    }
  });
}
const settings = ['shared_buffers=512MB', 'max_wal_size=4GB', 'jit=off'];

async function measured(say: Say, cluster: Cluster, folder: string): Promise<Figure[]> {
  const make = (name: string, template: string): Promise<void> =>
    administer(cluster, `CREATE DATABASE ${name} TEMPLATE ${template}`);
  await make('base', 'template0');
  await migratePostgres(cluster.url('base'), postgresMigrations, rowSealing());
  const store = await openBooks(cluster.url('base'));
  const world = await populate(store, START_MS - 86_400_000);
  await store.close();
  const servers = [start(), start()] as const;
  const rounds: Awaited<ReturnType<typeof oneRound>>[] = [];
  try {
    // The first round warms up and is not counted.
    for (let round = 0; round <= ROUNDS; round += 1) {
      const rates = await oneRound({ cluster, folder, world, servers, make });
      await administer(cluster, ...['groups', 'single', 'rows', 'two', 'loose'].map((name) => `DROP DATABASE ${name}`));
      if (round === 0) continue;
      const { groups, single, rows, transfer, two, loose } = rates;
      const shown = { groups: groups.perSecond, single: single.perSecond, rows, transfer, two, unchained: loose };
      say(
        `round ${round}, payments a second: ${JSON.stringify(shown, (_, rate) => (typeof rate === 'number' ? Math.round(rate) : rate))}`,
      );
      rounds.push(rates);
    }
  } finally {
    for (const server of servers) server.kill();
  }
  return figures(rounds);
}

type Setting = {
  cluster: Cluster;
  folder: string;
  world: World;
  servers: readonly [ChildProcess, ChildProcess];
  make: (name: string, template: string) => Promise<void>;
};

async function oneRound({ cluster, folder, world, servers, make }: Setting) {
  const ask = (server: ChildProcess, database: string, round: Partial<Round>): Promise<Ran> =>
    run(server, { url: cluster.url(database), world, from: 0, payments: PAYMENTS, mode: 'groups', ...round });
  for (const name of ['groups', 'single', 'rows', 'two', 'loose']) await make(name, 'base');
  const before = cpuMs(cluster.pid);
  const groups = await ask(servers[0], 'groups', {});
  const databaseCpuUs = ((cpuMs(cluster.pid) - before) * 1_000) / (2 * PAYMENTS);
  const single = await ask(servers[0], 'single', { mode: 'single', payments: SINGLE_PAYMENTS });
  const rows = await writeGroups(cluster.url('rows'), await readGroups(cluster.url('groups'), CALLERS));
  const transfer = await pgbench(cluster, folder);
  const both = async (database: string, mode: Round['mode']): Promise<number> => {
    const ran = await Promise.all(
      servers.map((server, index) =>
        ask(server, database, { mode, payments: PAYMENTS / 2, from: index * 10 * PAYMENTS }),
      ),
    );
    return ran.reduce((sum, { perSecond }) => sum + perSecond, 0);
  };
  return {
    groups,
    single,
    rows,
    transfer,
    two: await both('two', 'groups'),
    loose: await both('loose', 'unchained'),
    databaseCpuUs,
  };
}

function figures(rounds: readonly Awaited<ReturnType<typeof oneRound>>[]): Figure[] {
  const of = (pick: (round: (typeof rounds)[number]) => number): number => median(rounds.map(pick));
  const rate = of(({ groups }) => groups.perSecond);
  return [
    {
      figure: 'pg_gate_over_pg_rows',
      ratio: of(({ groups, rows }) => groups.perSecond / rows),
      goal: '>=0.5',
      numbers: {
        gate_per_s: rate,
        rows_per_s: of(({ rows }) => rows),
        server_cpu_us: of(({ groups }) => groups.cpuUs),
        database_cpu_us: of(({ databaseCpuUs }) => databaseCpuUs),
        callers: CALLERS,
        payments_per_round: PAYMENTS,
      },
    },
    {
      figure: 'pg_group_over_single',
      ratio: of(({ groups, single }) => groups.perSecond / single.perSecond),
      goal: '>=5',
      numbers: {
        single_per_s: of(({ single }) => single.perSecond),
        single_server_cpu_us: of(({ single }) => single.cpuUs),
      },
    },
    {
      figure: 'pg_gate_over_transfer',
      ratio: of(({ groups, transfer }) => groups.perSecond / transfer),
      goal: '>=0.45',
      numbers: { transfers_per_s: of(({ transfer }) => transfer) },
    },
    {
      figure: 'pg_chain_cost',
      ratio: of(({ two, loose }) => two / loose),
      goal: '>=0.9',
      numbers: {
        two_servers_per_s: of(({ two }) => two),
        two_unchained_per_s: of(({ loose }) => loose),
        log_locked_share: of(({ groups }) => groups.lockedShare),
      },
    },
  ];
}

function start(): ChildProcess {
  const file = fileURLToPath(new URL('./postgresServer.ts', import.meta.url));
  return fork(file, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'], serialization: 'advanced' });
}

async function run(server: ChildProcess, round: Round): Promise<Ran> {
  const ended = new AbortController();
  const { signal } = ended;
  server.send(round);
  const gone = once(server, 'exit', { signal }).then((): never => {
    throw new Error('A process of the bench ended early.');
  });
  try {
    return await Promise.race([once(server, 'message', { signal }).then(([ran]) => ran as Ran), gone]);
  } finally {
    ended.abort();
    await gone.catch(() => undefined);
  }
}

/** Transfers a second of pgbench's 64 clients. */
async function pgbench(cluster: Cluster, folder: string): Promise<number> {
  const script = join(folder, 'transfer.sql');
  writeFileSync(script, TRANSFER);
  await administer(cluster, 'DROP TABLE IF EXISTS bench_accounts, bench_transfers, bench_postings', TABLES);
  const url = new URL(cluster.url('postgres').replace('postgres:///', 'postgres://localhost/'));
  const args = ['-n', '-f', script, '-c', String(CALLERS), '-j', '2', '-M', 'prepared', '-T', String(PGBENCH_SECONDS)];
  const where = ['-h', url.searchParams.get('host') ?? '', '-U', url.searchParams.get('user') ?? '', 'postgres'];
  const program = join(binariesIn(process.env.PATH ?? ''), 'pgbench');
  const { stdout } = await promisify(execFile)(program, [...args, ...where]);
  const rate = /tps = ([\d.]+)/.exec(stdout)?.[1];
  if (rate === undefined) throw new Error(`pgbench answered ${stdout}`);
  return Number(rate);
}

/** Each statement by itself, since databases are made and dropped outside of transactions. */
async function administer(cluster: Cluster, ...statements: string[]): Promise<void> {
  const client = new pg.Client({ connectionString: cluster.url('postgres') });
  await client.connect();
  for (const text of statements) await client.query(text);
  await client.end();
}

const TICK_MS = 10;
/** The CPU time of PostgreSQL's processes, those that have ended included. */
function cpuMs(pid: number): number {
  const statOf = (id: number | string): string[] => {
    try {
      return readFileSync(`/proc/${id}/stat`, 'utf8')
        .replace(/^.*\) /, '')
        .split(' ');
    } catch {
      return [];
    }
  };
  // Fields 4 (parent) and 14 to 17 of proc(5): user, system, and of children that have ended.
  const own = (stat: string[], ended: boolean): number =>
    [11, 12, ...(ended ? [13, 14] : [])].reduce((sum, field) => sum + Number(stat[field] ?? 0), 0);
  const children = readdirSync('/proc').filter((name) => /^\d+$/.test(name) && statOf(name)[1] === String(pid));
  const ticks = children.reduce((sum, child) => sum + own(statOf(child), false), own(statOf(pid), true));
  return ticks * TICK_MS;
}
