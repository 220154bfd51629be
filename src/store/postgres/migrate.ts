import { PostgresAdapter, PostgresIntrospector, PostgresQueryCompiler } from 'kysely';
import { BursarError } from '../../core/errors/base.ts';
import type { Sealing } from '../changes.ts';
import type { Migration } from '../migrations/index.ts';
import { kyselyOn, MIGRATIONS_TABLE, missingFrom, runMigrations } from '../migrations/migrate.ts';
import type { Tx } from '../transaction.ts';
import { postgresError } from './errors.ts';
import { hasTriggers, installTriggers } from './sealing.ts';
import { openSession, type Session } from './session.ts';
import { ORGANISATION_LOCK } from './writer.ts';

/** A migration of large tables takes as long as it takes. */
const LIMITS = { statementMs: 0, idleMs: 0 };
const OLDEST = 14;

/**
 * Brings the schema of a database up to date, in one transaction and while no server writes. Returns the names of the migrations
 * that ran. Throws coded errors: `storage_failed` if a newer Bursar wrote the database.
 */
export async function migratePostgres(
  url: string,
  schema: readonly Migration[],
  sealing: Sealing<Tx> | null,
): Promise<string[]> {
  return await onSession(url, async (session) => {
    await session.exec(`BEGIN; SELECT pg_advisory_xact_lock(${ORGANISATION_LOCK})`);
    const missing = missingFrom(schema, await executedIn(session));
    if (missing.length > 0) await runMigrations(on(session), schema);
    if (sealing) await installTriggers(session, sealing);
    await session.exec('COMMIT');
    return missing.map(({ name }) => name);
  });
}

/**
 * Refuses a server or schema that this release cannot work with: `storage_unsupported`, `storage_read_only`, `schema_outdated`, or
 * `storage_failed` if a newer Bursar wrote it.
 */
export async function checkPostgres(
  url: string,
  schema: readonly Migration[],
  sealing: Sealing<Tx> | null,
): Promise<void> {
  await onSession(url, async (session) => {
    const { rows } = await session.ask(
      "SELECT pg_is_in_recovery() AS standby, current_setting('default_transaction_read_only') AS read_only",
    );
    if (rows[0]?.standby === 1n || rows[0]?.read_only === 'on') throw new BursarError('storage_read_only');
    const missing = missingFrom(schema, await executedIn(session));
    if (missing.length > 0 || (sealing && !(await hasTriggers(session, sealing)))) {
      throw new BursarError('schema_outdated', { details: { missing: missing.map(({ name }) => name) } });
    }
  });
}

async function onSession<T>(url: string, act: (session: Session) => Promise<T>): Promise<T> {
  const session = await openSession(url, LIMITS);
  try {
    await refuseOld(session);
    return await act(session);
  } catch (error) {
    throw postgresError(error);
  } finally {
    await session.end();
  }
}

async function refuseOld(session: Session): Promise<void> {
  const { rows } = await session.ask(
    "SELECT current_setting('server_version_num')::int / 10000 AS version, current_setting('server_encoding') AS encoding",
  );
  const [version, encoding] = [Number(rows[0]?.version), String(rows[0]?.encoding)];
  if (version < OLDEST) {
    throw new BursarError('storage_unsupported', {
      message: `PostgreSQL ${version} is too old: ${OLDEST} is the oldest.`,
    });
  }
  if (encoding !== 'UTF8') {
    throw new BursarError('storage_unsupported', { message: `The database has the encoding ${encoding}, not UTF8.` });
  }
}

async function executedIn(session: Session): Promise<string[]> {
  const { rows } = await session.ask('SELECT to_regclass($1) IS NOT NULL AS known', [MIGRATIONS_TABLE]);
  if (rows[0]?.known !== 1n) return [];
  return (await session.ask(`SELECT name FROM ${MIGRATIONS_TABLE}`)).rows.map(({ name }) => String(name));
}

function on(session: Session) {
  return kyselyOn(
    {
      executeQuery: async <R>({
        sql,
        parameters,
        query,
      }: {
        sql: string;
        parameters: readonly unknown[];
        query: { kind: string };
      }) => {
        // A migration has many statements, which only the simple protocol takes.
        if (query.kind === 'RawNode' && parameters.length === 0) {
          await session.exec(sql);
          return { rows: [] };
        }
        return { rows: (await session.ask(sql, parameters)).rows as R[] };
      },
      exec: async (text) => {
        await session.exec(text);
      },
    },
    {
      createAdapter: () => new PostgresAdapter(),
      createIntrospector: (db) => new PostgresIntrospector(db),
      createQueryCompiler: () => new PostgresQueryCompiler(),
    },
  );
}
