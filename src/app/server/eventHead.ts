import { eventHead } from '../../books/ledger/queries.ts';
import { openBooks } from '../../books/ledger/rowSeals.ts';
import { BursarError } from '../../core/errors/base.ts';
import { log } from '../../core/log/log.ts';
import { refuseDamaged } from '../../store/backup.ts';
import { type EventHead, headFileOf, readHeadFile, writeHeadFile } from '../../store/headFile.ts';
import { freeEveryLease } from '../../store/leases/leases.ts';
import type { Store } from '../../store/store.ts';
import { hashOfEvent } from './queries.ts';

/** How often the head of the event log is read, and written if it moved. */
const EVERY_MS = 250;

/**
 * Opens the books of a data directory. They must be undamaged and have the event that the head file names: SQLite cuts a damaged
 * write-ahead log at the first bad byte, and the rest looks valid. The file then follows the log with a short delay, so that the
 * gate does not wait for it. Nobody else has the file open, so the leases of earlier servers are freed. Throws `database_damaged`, `database_truncated` or `database_rewritten`.
 */
export async function openServerBooks(path: string, databaseUrl: string | null = null): Promise<Store> {
  const head = readHeadFile(path);
  if (databaseUrl === null) refuseDamaged(path);
  const store = await openBooks(databaseUrl ?? path);
  try {
    if (head) await compare(store, head, path);
    await store.write(freeEveryLease);
  } catch (error) {
    void store.close();
    throw error;
  }
  return following(store, path, head);
}

async function compare(store: Store, head: EventHead, path: string): Promise<void> {
  const { end, same } = await store.read(async (tx) => ({
    end: await tx.get(eventHead),
    same: await tx.get(hashOfEvent, { seq: head.seq }),
  }));
  const details = { database: store.path, head: head.seq, found: Number(end?.seq ?? 0n) };
  if (!same) {
    const message = `The database ends at event ${details.found}, and ${headFileOf(path)} names event ${head.seq}: what was written after ${details.found} is lost.`;
    throw new BursarError('database_truncated', { message, details });
  }
  if (same.hash !== head.hash) {
    const message = `Event ${head.seq} of the database is another one than ${headFileOf(path)} names: this is another history.`;
    throw new BursarError('database_rewritten', { message, details });
  }
}

/** The store, with a head file that follows it. A reader sees only committed data, and a commit is on disk. */
function following(store: Store, path: string, from: EventHead | null): Store {
  let written = from?.seq ?? 0;
  let busy: Promise<void> | null = null;
  const write = async (): Promise<void> => {
    const row = await store.read((tx) => tx.get(eventHead));
    if (!row || Number(row.seq) === written) return;
    await writeHeadFile(path, { seq: Number(row.seq), hash: row.hash });
    written = Number(row.seq);
  };
  const follow = (): Promise<void> => {
    busy ??= write()
      .catch((error: unknown) => {
        log.error({ err: error }, 'the head of the event log could not be written beside the database');
      })
      .finally(() => {
        busy = null;
      });
    return busy;
  };
  const timer = setInterval(() => void follow(), EVERY_MS);
  timer.unref();
  let closed = false;
  return {
    ...store,
    close: async () => {
      if (closed) return;
      closed = true;
      clearInterval(timer);
      await busy;
      await follow();
      await store.close();
    },
  };
}
