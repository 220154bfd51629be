import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openStore, type Store, type Tx } from './store.ts';
import { text } from './text.ts';

let folder: string;
let path: string;
let opened: Store[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'bursar-store-'));
  path = join(folder, 'bursar.db');
  opened = [];
});
afterEach(async () => {
  for (const store of opened) await store.close();
  rmSync(folder, { recursive: true, force: true });
});

async function open(file: string = path): Promise<Store> {
  const store = await openStore(file);
  opened.push(store);
  return store;
}

const put = (tx: Tx, name: string, value = 'x'): Promise<number> =>
  tx.run(text('INSERT INTO settings (name, value) VALUES (?, ?)', name, value));
const names = async (store: Store): Promise<string[]> =>
  (await store.read((tx) => tx.all(text<{ name: string }>('SELECT name FROM settings ORDER BY name')))).map(
    (row) => row.name,
  );

/** What another process sees: only what is committed. */
function namesOnDisk(): string[] {
  const database = new Database(path, { readonly: true });
  const rows = database.prepare('SELECT name FROM settings ORDER BY name').all() as { name: string }[];
  database.close();
  return rows.map((row) => row.name);
}

describe('write', () => {
  it('answers only when the commit can be read from the file', async () => {
    const store = await open();
    const value = await store.write(async (tx) => {
      await put(tx, 'a');
      expect(namesOnDisk()).toEqual([]);
      return 7;
    });
    expect(value).toBe(7);
    expect(namesOnDisk()).toEqual(['a']);
  });

  it('undoes a job that throws, whole, and lets the others of its commit stand', async () => {
    const store = await open();
    const results = await Promise.allSettled([
      store.write((tx) => put(tx, 'first')),
      store.write(async (tx) => {
        await put(tx, 'half');
        await put(tx, 'done');
        throw new Error('the second half fails');
      }),
      store.write((tx) => put(tx, 'last')),
    ]);
    expect(results.map((result) => result.status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(results[1]).toMatchObject({ reason: { message: 'the second half fails' } });
    expect(namesOnDisk()).toEqual(['first', 'last']);
  });

  it('runs jobs in the order asked for, each seeing the ones before it', async () => {
    const store = await open();
    const seen = await Promise.all(
      ['a', 'b', 'c'].map((name) =>
        store.write(async (tx) => {
          await put(tx, name);
          return (await tx.all(text('SELECT name FROM settings'))).length;
        }),
      ),
    );
    expect(seen).toEqual([1, 2, 3]);
  });

  it('translates a broken constraint into conflict, without the SQL', async () => {
    const store = await open();
    await store.write((tx) => put(tx, 'a'));
    const twice = store.write((tx) => put(tx, 'a'));
    await expect(twice).rejects.toMatchObject({ code: 'conflict', message: expect.not.stringContaining('settings') });
  });

  it('waits for a job between its statements, and runs no other meanwhile', async () => {
    const store = await open();
    const seen: string[][] = [];
    const job = (name: string) => async (tx: Tx) => {
      await put(tx, `${name} 1`);
      for (let turn = 0; turn < 20; turn += 1) await null;
      await put(tx, `${name} 2`);
      seen.push(
        (await tx.all(text<{ name: string }>('SELECT name FROM settings ORDER BY name'))).map((row) => row.name),
      );
    };
    await Promise.all([store.write(job('a')), store.write(job('b'))]);
    expect(seen).toEqual([
      ['a 1', 'a 2'],
      ['a 1', 'a 2', 'b 1', 'b 2'],
    ]);
  });

  it('runs afterCommit once the rows are durable, and never for a job that failed', async () => {
    const store = await open();
    const heard: string[][] = [];
    await Promise.allSettled([
      store.write(async (tx) => {
        await put(tx, 'a');
        tx.afterCommit(() => heard.push(namesOnDisk()));
      }),
      store.write(async (tx) => {
        tx.afterCommit(() => heard.push(['failed']));
        throw new Error('no');
      }),
    ]);
    expect(heard).toEqual([['a']]);
  });

  it('gives integers back as bigint, exact beyond 2^53', async () => {
    const store = await open();
    const row = await store.write((tx) => tx.get(text('SELECT 9007199254740993 AS n')));
    expect(row).toEqual({ n: 9_007_199_254_740_993n });
  });

  it('refuses the 20,001st waiting job with queue_full, and does all the others', async () => {
    const store = await open(':memory:');
    const waiting = Array.from({ length: 20_000 }, () => store.write((tx) => tx.get(text('SELECT 1'))));
    await expect(store.write(async () => 1)).rejects.toMatchObject({ code: 'queue_full', retry: 'safe' });
    expect(await Promise.all(waiting)).toHaveLength(20_000);
    await expect(store.write(async () => 1)).resolves.toBe(1);
  });
});

describe('read', () => {
  it('sees what is committed, not a job under way', async () => {
    const store = await open();
    await store.write(async (tx) => {
      await put(tx, 'a');
      expect(await names(store)).toEqual([]);
    });
    expect(await names(store)).toEqual(['a']);
  });

  it('sees one moment, though others commit between its statements', async () => {
    const store = await open();
    await store.write((tx) => put(tx, 'a'));
    const seen = await store.read(async (tx) => {
      const before = await tx.all(text('SELECT name FROM settings'));
      await store.write((writing) => put(writing, 'b'));
      return [before.length, (await tx.all(text('SELECT name FROM settings'))).length];
    });
    expect(seen).toEqual([1, 1]);
    expect(await names(store)).toEqual(['a', 'b']);
  });

  it('of a job that throws ends with it: the next sees what was committed since', async () => {
    const store = await open();
    await expect(store.read((tx) => tx.get(text('SELECT nothing FROM nowhere')))).rejects.toMatchObject({
      code: 'storage_failed',
    });
    await store.write((tx) => put(tx, 'a'));
    expect(await names(store)).toEqual(['a']);
  });

  it.each(['read', 'snapshot'] as const)('in memory sees no job under way: %s', async (way) => {
    const store = await open(':memory:');
    const { tx } = await store.snapshot();
    const half = store.write(async (writing) => {
      await put(writing, 'a');
      for (let turn = 0; turn < 20; turn += 1) await null;
      throw new Error('undone');
    });
    const seen = way === 'read' ? names(store) : tx.all(text('SELECT name FROM settings'));
    await expect(half).rejects.toThrow('undone');
    expect(await seen).toEqual([]);
  });

  it('cannot write', async () => {
    const store = await open();
    const insert = text("INSERT INTO settings (name, value) VALUES ('a', 'b') RETURNING name");
    await expect(() => store.read((tx) => tx.get(insert))).rejects.toThrow(
      expect.objectContaining({ code: 'storage_read_only' }),
    );
    expect(await names(store)).toEqual([]);
  });
});

describe('close', () => {
  it('first does the jobs that wait, then refuses new ones', async () => {
    const store = await open();
    const waiting = Array.from({ length: 600 }, (_, n) => store.write((tx) => put(tx, `job ${n}`)));
    await store.close();
    expect(await Promise.all(waiting)).toHaveLength(600);
    expect(namesOnDisk()).toHaveLength(600);
    await expect(store.write((tx) => put(tx, 'late'))).rejects.toMatchObject({ code: 'storage_failed' });
  });

  it('may be called twice', async () => {
    const store = await open();
    await store.close();
    await expect(store.close()).resolves.toBeUndefined();
  });
});

describe('a full disk', () => {
  it('refuses with storage_full, keeps what was there, and goes on when there is space again', async () => {
    const store = await open();
    await store.write((tx) => put(tx, 'before'));
    const pages = await store.write(
      async (tx) => (await tx.get(text<{ page_count: bigint }>('PRAGMA page_count')))?.page_count ?? 0n,
    );
    await store.write((tx) => tx.get(text(`PRAGMA max_page_count = ${pages + 2n}`)));
    const results = await Promise.allSettled([
      store.write((tx) => put(tx, 'big', 'x'.repeat(100_000))),
      store.write((tx) => put(tx, 'big too', 'x'.repeat(100_000))),
    ]);
    for (const result of results) expect(result).toMatchObject({ reason: { code: 'storage_full', retry: 'safe' } });
    expect(namesOnDisk()).toEqual(['before']);
    await store.write((tx) => tx.get(text('PRAGMA max_page_count = 1000000')));
    await store.write((tx) => put(tx, 'after', 'x'.repeat(100_000)));
    expect(namesOnDisk()).toEqual(['after', 'before']);
  });
});

describe('a disk that cannot be written', () => {
  it('refuses writes with storage_read_only, and still reads', async () => {
    const store = await open();
    await store.write((tx) => put(tx, 'a'));
    await store.write((tx) => tx.run(text('PRAGMA query_only = ON')));
    const results = await Promise.allSettled([store.write((tx) => put(tx, 'b')), store.write((tx) => put(tx, 'c'))]);
    for (const result of results)
      expect(result).toMatchObject({ reason: { code: 'storage_read_only', retry: 'safe' } });
    expect(await names(store)).toEqual(['a']);
  });

  it('is named when the store is opened on a file without write permission', async () => {
    await (await open()).close();
    chmodSync(path, 0o444);
    await expect(asNobody(() => openStore(path))).rejects.toMatchObject({ code: 'storage_read_only' });
  });
});

/** Root may write anything: for the length of the call this process is a user who may not. */
function asNobody<T>(call: () => T): T {
  if (process.geteuid?.() !== 0) return call();
  chmodSync(folder, 0o755);
  process.seteuid?.(65_534);
  try {
    return call();
  } finally {
    process.seteuid?.(0);
  }
}

describe('openStore', () => {
  it('keeps the data from one opening to the next', async () => {
    const first = await open();
    await first.write((tx) => put(tx, 'a'));
    await first.close();
    expect(await names(await open())).toEqual(['a']);
  });

  it('refuses a file that is not a database, and leaves it as it is', async () => {
    const text = 'not a database, but somebody may need it'.repeat(100);
    writeFileSync(path, text);
    await expect(openStore(path)).rejects.toMatchObject({ code: 'database_damaged' });
    expect(readFileSync(path, 'utf8')).toBe(text);
  });

  it('refuses a folder that does not exist with a coded error', async () => {
    await expect(openStore(join(folder, 'missing', 'bursar.db'))).rejects.toMatchObject({ code: 'storage_failed' });
  });

  it('refuses a second process the same file while the first has it, and lets it go on close', async () => {
    const store = await open();
    await expect(openStore(path)).rejects.toMatchObject({ code: 'storage_in_use' });
    await store.close();
    await (await open()).write((tx) => put(tx, 'a'));
    expect(namesOnDisk()).toEqual(['a']);
  });
});
