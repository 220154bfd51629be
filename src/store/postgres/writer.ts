import { BursarError } from '../../core/errors/base.ts';
import type { ChangedRow, Sealing } from '../changes.ts';
import type { Command } from '../statement.ts';
import type { Locks, ReadTx, Tx } from '../transaction.ts';
import type { Writer } from '../writeQueue.ts';
import { arrayText } from './arrayText.ts';
import { allEach, runEach } from './each.ts';
import { ConnectionLost, isReadOnly, isTransient, postgresError } from './errors.ts';
import { openSession, type Session } from './session.ts';

/**
 * One transaction at a time on all servers: an ordinary write reads what was committed before it, as on SQLite. Transactions that run
 * beside each other share it. "bursar".
 */
export const ORGANISATION_LOCK = 0x627572736172n;
const WHOLE_LOCKS = { meters: ORGANISATION_LOCK + 1n, events: ORGANISATION_LOCK + 2n };
const LIMITS = { statementMs: 60_000, idleMs: 10_000 };

/** The rows that the session's transaction has changed; triggers write to it where `bursar.seal` is on. */
const WATCHING =
  "CREATE TEMP TABLE changed_rows (tbl text NOT NULL, key text NOT NULL) ON COMMIT DELETE ROWS; SET bursar.seal = 'on'";
const CHANGED = 'SELECT DISTINCT tbl AS "table", key FROM pg_temp.changed_rows';

/** The writing connection, made when it is needed, and made again after it was lost. */
export function postgresWriter(url: string, sealing: Sealing<Tx> | null): Writer & { close(): Promise<void> } {
  let current: Session | null = null;
  /** The savepoint of the job before is released together with the next one, in one round trip. */
  let unreleased = false;
  /** Rows noted by the code; the job that is running starts at `jobStart`. */
  let noted: ChangedRow[] = [];
  let jobStart = 0;

  async function connected(): Promise<Session> {
    if (current && !current.isLost()) return current;
    const session = await openSession(url, LIMITS);
    if (sealing) await session.exec(WATCHING);
    current = session;
    return session;
  }
  function open(): Session {
    if (!current) throw new ConnectionLost(null);
    return current;
  }
  async function drop(): Promise<void> {
    const session = current;
    current = null;
    await session?.end();
  }

  return {
    tx: writingOn(open),
    locks: locksOn(open),
    begin: async (isBeside) => {
      const session = await connected();
      session.begun();
      unreleased = false;
      noted = [];
      const lock = isBeside ? 'pg_advisory_xact_lock_shared' : 'pg_advisory_xact_lock';
      await session.exec(`BEGIN ISOLATION LEVEL READ COMMITTED; SELECT ${lock}(${ORGANISATION_LOCK})`);
    },
    savepoint: async () => {
      jobStart = noted.length;
      await open().exec(unreleased ? 'RELEASE SAVEPOINT job; SAVEPOINT job' : 'SAVEPOINT job');
      unreleased = false;
    },
    release: () => {
      if (open().hasFailed()) throw new BursarError('storage_failed', { message: 'A statement of the job failed.' });
      unreleased = true;
    },
    undo: async () => {
      noted.length = jobStart;
      await open().exec('ROLLBACK TO SAVEPOINT job; RELEASE SAVEPOINT job');
      open().begun();
      unreleased = false;
    },
    commit: async () => {
      let command: string;
      try {
        command = await open().exec('COMMIT');
      } catch (error) {
        if (error instanceof ConnectionLost) throw new BursarError('outcome_unknown', { cause: error });
        throw error;
      }
      // PostgreSQL answers COMMIT of a failed transaction with ROLLBACK, and no error.
      if (command !== 'COMMIT') throw new BursarError('storage_failed', { message: 'The database undid the change.' });
    },
    rollBack: async () => {
      if (!current) return;
      try {
        if (!current.isLost()) await current.exec('ROLLBACK');
      } catch {
        await drop();
      }
      if (current?.isLost()) await drop();
    },
    isOpen: () => current !== null && !current.isLost(),
    isTransient,
    translated: (error) => {
      if (isReadOnly(error)) void drop();
      return postgresError(error);
    },
    changes: sealing && {
      note: (table, key) => {
        noted.push({ table, key });
      },
      take: async () => {
        const { rows } = await open().ask(CHANGED, [], 'changed_rows');
        return inOrder([...(rows as ChangedRow[]), ...noted]);
      },
    },
    close: drop,
  };
}

/** Foreign keys of other rows may still be checked against a row that is locked so. */
function locksOn(session: () => Session): Locks {
  return {
    rows: async (table, ids) => {
      if (ids.length === 0) return;
      const type = table === 'agents' ? 'text' : 'bigint';
      const text = `SELECT FROM ${table} WHERE id = ANY($1::${type}[]) ORDER BY id FOR NO KEY UPDATE`;
      await session().ask(text, [arrayText(ids)], `lock_${table}`);
    },
    whole: async (name) => {
      await session().exec(`SELECT pg_advisory_xact_lock(${WHOLE_LOCKS[name]})`);
    },
  };
}

/** Each row once, ordered by the bytes of table and key, as SQLite orders them. */
function inOrder(rows: readonly ChangedRow[]): ChangedRow[] {
  const unique = new Map(rows.map((row) => [`${row.table}\0${row.key}`, row]));
  return [...unique].sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b))).map(([, row]) => row);
}

/** The methods of a reading transaction on the session that is open when they are called. */
export function readingOn(session: () => Session): ReadTx {
  const tx: unknown = {
    get: async (command: Command<never>, given?: unknown) => (await session().query(command, given)).rows[0],
    all: async (command: Command<never>, given?: unknown) => (await session().query(command, given)).rows,
    getEach: async (command: Command<never>, sets: readonly unknown[]) =>
      (await allEach(session(), command, sets)).map(([row]) => row),
    allEach: (command: Command<never>, sets: readonly unknown[]) => allEach(session(), command, sets),
  };
  return tx as ReadTx;
}

export function writingOn(session: () => Session): ReadTx & Pick<Tx, 'run' | 'runEach'> {
  return {
    ...readingOn(session),
    run: async (command: Command<never>, given?: unknown) => (await session().query(command, given)).rowCount ?? 0,
    runEach: (command: Command<never>, sets: readonly unknown[]) => runEach(session(), command, sets),
  };
}
