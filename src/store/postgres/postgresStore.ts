import type { Sealing } from '../changes.ts';
import { textAndValues } from '../connection.ts';
import type { Command } from '../statement.ts';
import type { Each, ReadTx, Snapshot, Store, Tx } from '../transaction.ts';
import { closedError, writeQueue } from '../writeQueue.ts';
import { ConnectionLost, postgresError } from './errors.ts';
import { openSession, type Session } from './session.ts';
import { postgresWriter, readingOn } from './writer.ts';

/** How many read jobs run at once; more of them wait. */
const READERS = 4;
const READING = { statementMs: 60_000, idleMs: 60_000 };
/** A snapshot is read for as long as its caller needs. */
const UNLIMITED = { statementMs: 0, idleMs: 0 };
const BEGIN_READING = 'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY';
/** Rows that a cursor fetches at once. */
const FETCHED = 500;

export const isPostgresUrl = (path: string): boolean => /^postgres(ql)?:\/\//.test(path);

/** The URL without the password. */
export function shownUrl(url: string): string {
  const shown = new URL(url);
  shown.password = '';
  shown.searchParams.delete('password');
  return shown.href;
}

/** The store on a database whose schema is up to date. */
export function postgresStore(url: string, sealing: Sealing<Tx> | null): Store {
  const writer = postgresWriter(url, sealing);
  const queue = writeQueue(writer, sealing);
  const readers = readerPool(url);
  const snapshots = new Set<Session>();

  async function read<T>(job: (tx: ReadTx) => Promise<T>, isAgain = false): Promise<T> {
    const session = await readers.take();
    try {
      await session.exec(BEGIN_READING);
      const result = await job(readingOn(() => session));
      await session.exec('COMMIT');
      return result;
    } catch (error) {
      if (!session.isLost()) await session.exec('ROLLBACK').catch(() => session.end());
      // The connection may have ended long before, while it was not used.
      if (error instanceof ConnectionLost && !isAgain) return await read(job, true);
      throw postgresError(error);
    } finally {
      readers.giveBack(session);
    }
  }

  return {
    path: shownUrl(url),
    write: queue.write,
    writeBeside: queue.writeBeside,
    read: (job) => read(job),
    snapshot: async () => {
      const session = await openSession(url, UNLIMITED);
      snapshots.add(session);
      await session.exec(`${BEGIN_READING}; SELECT 1`);
      const tx = { ...readingOn(() => session), each: eachOf(session) };
      const close = async (): Promise<void> => {
        snapshots.delete(session);
        await session.end();
      };
      return { tx: translating(tx), close };
    },
    close: async () => {
      await queue.close();
      await readers.close();
      await writer.close();
    },
  };
}

/** Rows of a cursor, which the transaction of the snapshot holds. */
function eachOf(session: Session): Each['each'] {
  let cursors = 0;
  return async function* (command: Command<never>, given?: unknown) {
    cursors += 1;
    const cursor = `c${cursors}`;
    const { sql, values } = textAndValues(command, given, 'postgres');
    await session.ask(`DECLARE ${cursor} NO SCROLL CURSOR FOR ${sql}`, values);
    try {
      for (;;) {
        const { rows } = await session.ask(`FETCH ${FETCHED} FROM ${cursor}`);
        yield* rows;
        if (rows.length < FETCHED) return;
      }
    } finally {
      if (!session.isLost() && !session.hasFailed()) await session.exec(`CLOSE ${cursor}`);
    }
  } as Each['each'];
}

/** The transaction of a snapshot, which has no job around it that would translate its errors. */
function translating(tx: Snapshot['tx']): Snapshot['tx'] {
  const wrap =
    <A extends unknown[], R>(call: (...given: A) => Promise<R>) =>
    (...given: A): Promise<R> =>
      call(...given).catch((error: unknown) => {
        throw postgresError(error);
      });
  const { get, all, getEach, allEach, each } = tx;
  const wrapped: unknown = {
    get: wrap(get as never),
    all: wrap(all as never),
    getEach: wrap(getEach as never),
    allEach: wrap(allEach as never),
    each,
  };
  return wrapped as Snapshot['tx'];
}

/** Connections for reading: at most so many, each used by one job at a time. */
function readerPool(url: string): {
  take(): Promise<Session>;
  giveBack(session: Session): void;
  close(): Promise<void>;
} {
  const idle: Session[] = [];
  const waiting: (() => void)[] = [];
  const ended: (() => void)[] = [];
  let busy = 0;
  let closed = false;

  function free(): void {
    busy -= 1;
    waiting.shift()?.();
    if (busy === 0) for (const end of ended.splice(0)) end();
  }

  return {
    take: async () => {
      if (closed) throw closedError();
      while (busy >= READERS) await new Promise<void>((resolve) => waiting.push(resolve));
      busy += 1;
      try {
        for (let session = idle.pop(); session; session = idle.pop()) if (!session.isLost()) return session;
        return await openSession(url, READING);
      } catch (error) {
        free();
        throw error;
      }
    },
    giveBack: (session) => {
      if (!session.isLost()) idle.push(session);
      free();
    },
    close: async () => {
      closed = true;
      if (busy > 0) await new Promise<void>((resolve) => ended.push(resolve));
      await Promise.all(idle.splice(0).map((session) => session.end()));
    },
  };
}
