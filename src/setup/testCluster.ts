import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { rowSealing } from '../books/ledger/rowSeals.ts';
import { postgresMigrations } from '../store/migrations/index.ts';
import { startCluster } from '../store/postgres/cluster.ts';
import { migratePostgres } from '../store/postgres/migrate.ts';
import { CLUSTER_VARIABLE, createDatabase, prepareTemplate, TEMPLATE, urlOf } from '../store/testing/databases.ts';

/** Durability costs a flush for each commit; tests of it start a cluster of their own. */
const FAST = ['fsync=off', 'full_page_writes=off', 'synchronous_commit=off', 'jit=off', 'autovacuum=off'];

/** Before a run with `BURSAR_TEST_DATABASE=postgres`: one PostgreSQL for all tests, with a database that others are copied from. */
export default async function testCluster(): Promise<(() => Promise<void>) | undefined> {
  if (process.env.BURSAR_TEST_DATABASE !== 'postgres' || process.env[CLUSTER_VARIABLE]) return undefined;
  const folder = mkdtempSync(join(tmpdir(), 'bursar-pg-'));
  const cluster = await startCluster({ folder, searchPath: process.env.PATH ?? '', settings: FAST });
  process.env[CLUSTER_VARIABLE] = cluster.url('postgres');
  await createDatabase(TEMPLATE, 'template0');
  await migratePostgres(urlOf(TEMPLATE), postgresMigrations, rowSealing());
  await prepareTemplate();
  return async () => {
    delete process.env[CLUSTER_VARIABLE];
    await cluster.stop();
    rmSync(folder, { recursive: true, force: true });
  };
}
