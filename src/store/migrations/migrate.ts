import type Database from 'better-sqlite3';
import {
  type CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  Kysely,
  Migrator,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
  sql,
} from 'kysely';
import { BursarError } from '../../core/errors/base.ts';
import type { Migration } from './index.ts';

/** Kysely's adapter reports that SQLite cannot roll back DDL, but it can. */
class TransactionalSqliteAdapter extends SqliteAdapter {
  override get supportsTransactionalDdl(): boolean {
    return true;
  }
}

/** Where Kysely records the migrations that have run. */
export const MIGRATIONS_TABLE = 'kysely_migration';

/**
 * Brings the schema up to date in one transaction, with Kysely's own records: either all missing migrations run, or none. Throws
 * `storage_failed` if a newer Bursar wrote the database, and SQLite's error if a migration fails.
 */
export async function migrate(database: Database.Database, schema: readonly Migration[]): Promise<void> {
  // The usual case: Kysely would read the definition of every table before it finds that nothing is missing.
  if (missingFrom(schema, executedIn(database)).length === 0) return;
  database.exec('BEGIN IMMEDIATE');
  try {
    await runMigrations(on(database), schema);
    database.exec('COMMIT');
  } finally {
    if (database.inTransaction) database.exec('ROLLBACK');
  }
}

/** The migrations that a database lacks. Throws `storage_failed` if it has run one that this release does not know. */
export function missingFrom(schema: readonly Migration[], done: readonly string[]): readonly Migration[] {
  if (done.some((name) => schema.every((migration) => migration.name !== name))) {
    throw new BursarError('storage_failed', { message: 'The database was written by a newer Bursar.' });
  }
  return schema.filter(({ name }) => !done.includes(name));
}

/** Runs the missing migrations inside the caller's transaction. */
export async function runMigrations(db: Kysely<unknown>, schema: readonly Migration[]): Promise<void> {
  const { error } = await new Migrator({ db, provider: providerOf(schema) }).migrateToLatest();
  if (error !== undefined) throw error;
}

/** Returns the names of the migrations that a database has run. */
function executedIn(database: Database.Database): string[] {
  const isThere = database.prepare('SELECT 1 FROM sqlite_schema WHERE name = ?').get(MIGRATIONS_TABLE) !== undefined;
  return isThere ? database.prepare<[], string>(`SELECT name FROM ${MIGRATIONS_TABLE}`).pluck().all() : [];
}

const providerOf = (schema: readonly Migration[]) => ({
  getMigrations: async () =>
    Object.fromEntries(
      schema.map(({ name, sql: text }) => [
        name,
        {
          up: async (db: Kysely<unknown>) => {
            await sql.raw(text).execute(db);
          },
        },
      ]),
    ),
});

/** Kysely on one connection, inside the surrounding transaction. */
function on(database: Database.Database): Kysely<unknown> {
  const connection: Connection = {
    executeQuery: async <R>({ sql: text, parameters, query }: CompiledQuery) => {
      // A migration has many statements, which only `exec` takes.
      if (query.kind === 'RawNode') {
        database.exec(text);
        return { rows: [] };
      }
      const statement = database.prepare<unknown[], R>(text);
      if (statement.reader) return { rows: statement.all(...parameters) };
      statement.run(...parameters);
      return { rows: [] };
    },
    exec: async (text) => {
      // A full disk has already ended the whole transaction.
      if (database.inTransaction) database.exec(text);
    },
  };
  return kyselyOn(connection, {
    createAdapter: () => new TransactionalSqliteAdapter(),
    createIntrospector: (db) => new SqliteIntrospector(db),
    createQueryCompiler: () => new SqliteQueryCompiler(),
  });
}

type Connection = Pick<DatabaseConnection, 'executeQuery'> & { exec(text: string): Promise<void> };

/** Kysely on one connection; what it takes for a transaction is a savepoint of the surrounding one. */
export function kyselyOn(connection: Connection, parts: Omit<Dialect, 'createDriver'>): Kysely<unknown> {
  const streamQuery = (): never => {
    throw new Error('A migration does not stream.');
  };
  const nothing = async (): Promise<void> => {};
  return new Kysely<unknown>({
    dialect: {
      ...parts,
      createDriver: () => ({
        init: nothing,
        acquireConnection: async () => ({ executeQuery: connection.executeQuery, streamQuery }),
        beginTransaction: () => connection.exec('SAVEPOINT migration'),
        commitTransaction: () => connection.exec('RELEASE SAVEPOINT migration'),
        rollbackTransaction: () => connection.exec('ROLLBACK TO SAVEPOINT migration; RELEASE SAVEPOINT migration'),
        releaseConnection: nothing,
        destroy: nothing,
      }),
    },
  });
}
