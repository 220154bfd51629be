import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openStore, type Store, type Tx } from './store.ts';

let folder: string;
let path: string;
let store: Store;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'bursar-repeatable-'));
  path = join(folder, 'bursar.db');
  store = await openStore(path);
});
afterEach(async () => {
  await store.close();
  rmSync(folder, { recursive: true, force: true });
});

const put = (tx: Tx, name: string, value = 'x'): number =>
  tx.run('INSERT INTO settings (name, value) VALUES (?, ?)', name, value);

/** What another process sees: only what is committed. */
function namesOnDisk(): string[] {
  const database = new Database(path, { readonly: true });
  const rows = database.prepare<[], { name: string }>('SELECT name FROM settings ORDER BY name').all();
  database.close();
  return rows.map((row) => row.name);
}

describe('jobs that may be run twice', () => {
  const repeatable = { repeatable: true };

  it('are undone alone too where one throws after it wrote, and the others are run again', async () => {
    const runs: string[] = [];
    const heard: string[] = [];
    const job = (name: string) => (tx: Tx) => {
      runs.push(name);
      tx.afterCommit(() => heard.push(name));
      put(tx, name);
      if (name === 'bad') throw new Error('after it wrote');
      return name;
    };
    const results = await Promise.allSettled(['a', 'bad', 'b'].map((name) => store.write(job(name), repeatable)));
    expect(results).toMatchObject([{ value: 'a' }, { reason: { message: 'after it wrote' } }, { value: 'b' }]);
    expect(runs).toEqual(['a', 'bad', 'a', 'bad', 'b']);
    expect(heard).toEqual(['a', 'b']);
    expect(namesOnDisk()).toEqual(['a', 'b']);
  });

  it('run once where one throws before it writes, or none does', async () => {
    const runs: string[] = [];
    const job = (name: string) => (tx: Tx) => {
      runs.push(name);
      if (tx.get('SELECT 1 WHERE ?', name === 'bad' ? 1 : 0)) throw new Error('before it wrote');
      return put(tx, name);
    };
    const results = await Promise.allSettled(['a', 'bad', 'b'].map((name) => store.write(job(name), repeatable)));
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(runs).toEqual(['a', 'bad', 'b']);
    expect(namesOnDisk()).toEqual(['a', 'b']);
  });

  it('see a broken constraint as conflict, and the next ones none of it', async () => {
    const results = await Promise.allSettled(
      ['a', 'a', 'b'].map((name) => store.write((tx) => put(tx, name), repeatable)),
    );
    expect(results).toMatchObject([{ value: 1 }, { reason: { code: 'conflict' } }, { value: 1 }]);
    expect(namesOnDisk()).toEqual(['a', 'b']);
  });

  it('are never run twice beside one that may not be', async () => {
    let once = 0;
    const results = await Promise.allSettled([
      store.write((tx) => put(tx, 'a'), repeatable),
      store.write(() => {
        once += 1;
      }),
      store.write((tx) => {
        put(tx, 'bad');
        throw new Error('after it wrote');
      }, repeatable),
    ]);
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected']);
    expect(once).toBe(1);
    expect(namesOnDisk()).toEqual(['a']);
  });

  it('hear of a full disk, and leave nothing', async () => {
    await store.write((tx) => put(tx, 'before'));
    const pages = await store.write((tx) => tx.get<{ page_count: bigint }>('PRAGMA page_count')?.page_count ?? 0n);
    await store.write((tx) => tx.get(`PRAGMA max_page_count = ${pages + 2n}`));
    const results = await Promise.allSettled(
      ['big', 'too'].map((name) => store.write((tx) => put(tx, name, 'x'.repeat(100_000)), repeatable)),
    );
    for (const result of results) expect(result).toMatchObject({ reason: { code: 'storage_full' } });
    expect(namesOnDisk()).toEqual(['before']);
  });
});
