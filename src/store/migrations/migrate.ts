import type Database from 'better-sqlite3';
import {
  type CompiledQuery,
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

const TABLE = 'kysely_migration';

/**
 * Brings the schema up to date in one transaction, with Kysely's own records: either all missing migrations run, or none. Throws
 * `storage_failed` if a newer Bursar wrote the database, and SQLite's error if a migration fails.
 */
export async function migrate(database: Database.Database, schema: readonly Migration[]): Promise<void> {
  const done = executedIn(database);
  if (done.some((name) => schema.every((migration) => migration.name !== name))) {
    throw new BursarError('storage_failed', { message: 'The database was written by a newer Bursar.' });
  }
  // The usual case: Kysely would read the definition of every table before it finds that nothing is missing.
  if (done.length === schema.length) return;
  database.exec('BEGIN IMMEDIATE');
  try {
    const { error } = await new Migrator({ db: on(database), provider: providerOf(schema) }).migrateToLatest();
    if (error !== undefined) throw error;
    database.exec('COMMIT');
  } finally {
    if (database.inTransaction) database.exec('ROLLBACK');
  }
}

/** Returns the names of the migrations that a database has run. */
function executedIn(database: Database.Database): string[] {
  const isThere = database.prepare('SELECT 1 FROM sqlite_schema WHERE name = ?').get(TABLE) !== undefined;
  return isThere ? database.prepare<[], string>(`SELECT name FROM ${TABLE}`).pluck().all() : [];
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
  const connection = {
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
    streamQuery: () => {
      throw new Error('A migration does not stream.');
    },
  };
  const nothing = async (): Promise<void> => {};
  return new Kysely<unknown>({
    dialect: {
      createAdapter: () => new TransactionalSqliteAdapter(),
      createIntrospector: (db) => new SqliteIntrospector(db),
      createQueryCompiler: () => new SqliteQueryCompiler(),
      createDriver: () => ({
        init: nothing,
        acquireConnection: async () => connection,
        beginTransaction: async () => {
          database.exec('SAVEPOINT migration');
        },
        commitTransaction: async () => {
          database.exec('RELEASE migration');
        },
        rollbackTransaction: async () => {
          // A full disk has already ended the whole transaction.
          if (database.inTransaction) database.exec('ROLLBACK TO migration; RELEASE migration');
        },
        releaseConnection: nothing,
        destroy: nothing,
      }),
    },
  });
}
