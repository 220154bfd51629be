import type { Sealing } from './changes.ts';
import { type Migration, migrations, postgresMigrations } from './migrations/index.ts';
import { checkPostgres } from './postgres/migrate.ts';
import { isPostgresUrl, postgresStore } from './postgres/postgresStore.ts';
import type { SqlValue } from './slots.ts';
import { openSqlite } from './sqliteStore.ts';
import type { Store, Tx } from './transaction.ts';

export type { Locks, ReadTx, Snapshot, Store, Tx } from './transaction.ts';
export type { SqlValue };

/**
 * Opens a database. A file (or ':memory:') is locked for this process and migrated: `storage_read_only`, `storage_in_use`,
 * `storage_failed`. A PostgreSQL database, named by its URL, must have the schema already: see `checkPostgres`. `sealing`: who is
 * told of the rows that each commit changes.
 */
export async function openStore(
  path: string,
  schema?: readonly Migration[],
  sealing: Sealing<Tx> | null = null,
): Promise<Store> {
  if (!isPostgresUrl(path)) return await openSqlite(path, schema ?? migrations, sealing);
  await checkPostgres(path, schema ?? postgresMigrations, sealing);
  return postgresStore(path, sealing);
}
