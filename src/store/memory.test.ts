import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { changesFacts, factOf } from './memory.ts';
import { openStore, type ReadTx, type Store, type Tx } from './store.ts';

let store: Store;
let reads: number;
beforeEach(async () => {
  store = await openStore(':memory:');
  reads = 0;
});
afterEach(() => store.close());

const put = (tx: Tx, value: string): number =>
  tx.run("INSERT OR REPLACE INTO settings (name, value) VALUES ('a', ?)", value);
const value = (tx: ReadTx): string =>
  factOf(tx, 'agent', 'a', () => {
    reads += 1;
    return tx.get<{ value: string }>("SELECT value FROM settings WHERE name = 'a'")?.value ?? 'none';
  });
const count = (tx: Tx): number =>
  tx.run("INSERT INTO balances (account, amount_micro) VALUES ('x', 1) ON CONFLICT DO UPDATE SET amount_micro = 2");

describe('a fact', () => {
  it('is read once, over jobs and commits, whatever payments write', async () => {
    await store.write((tx) => put(tx, 'one'));
    expect(await store.write(value)).toBe('one');
    await store.write((tx) => count(tx));
    expect(await store.write((tx) => [value(tx), value(tx)])).toEqual(['one', 'one']);
    expect(reads).toBe(1);
  });

  it('is read again after somebody wrote, in the same job and in the next', async () => {
    await store.write((tx) => put(tx, 'one'));
    const seen = await store.write((tx) => {
      const before = value(tx);
      put(tx, 'two');
      return [before, value(tx)];
    });
    expect(seen).toEqual(['one', 'two']);
    const returned = "UPDATE settings SET value = 'three' RETURNING value";
    await store.write((tx) => tx.get(returned));
    expect(await store.write(value)).toBe('three');
    await store.write((tx) => tx.all(returned.replace('three', 'four')));
    expect(await store.write(value)).toBe('four');
  });

  it('that a job read which was then undone is forgotten with it', async () => {
    await store.write((tx) => put(tx, 'one'));
    const jobs = await Promise.allSettled([
      store.write(value),
      store.write((tx) => {
        put(tx, 'never');
        expect(value(tx)).toBe('never');
        throw new Error('undone');
      }),
      store.write(value),
    ]);
    expect(jobs.map((job) => (job.status === 'fulfilled' ? job.value : 'undone'))).toEqual(['one', 'undone', 'one']);
  });

  it('of nobody is remembered too, until there is one', async () => {
    const nobody = (tx: Tx): string | null =>
      factOf(tx, 'payee', 'nobody', () => tx.get<{ value: string }>('SELECT value FROM settings')?.value ?? null);
    expect(await store.write(nobody)).toBeNull();
    await store.write((tx) => put(tx, 'one'));
    expect(await store.write(nobody)).toBe('one');
  });

  it('is always read by readers, who see what is committed', async () => {
    await store.write((tx) => put(tx, 'one'));
    expect([store.read(value), store.read(value)]).toEqual(['one', 'one']);
    expect(reads).toBe(2);
  });

  it('of one kind is never the answer to another, whatever text its key is', async () => {
    const answers = await store.write((tx) => [
      factOf(tx, 'payeeByAddress', '0x1', () => 'by address'),
      factOf(tx, 'payee', 'by 0x1', () => 'by name'),
      factOf(tx, 'payee', '0x1', () => 'by id'),
    ]);
    expect(answers).toEqual(['by address', 'by name', 'by id']);
  });

  it('cannot be changed by anyone who gets it', async () => {
    const labels = await store.write((tx) => factOf(tx, 'agent', 'labels', () => ({ team: ['a'] })));
    expect(() => labels.team.push('b')).toThrow(TypeError);
  });
});

describe('what is kept', () => {
  it('survives writes and is gone after a roll-back', async () => {
    await store.write((tx) => {
      tx.memory?.kept.set('id', 7n);
      put(tx, 'one');
    });
    expect(await store.write((tx) => tx.memory?.kept.get('id'))).toBe(7n);
    const undone = store.write(() => {
      throw new Error('undone');
    });
    await expect(undone).rejects.toThrow('undone');
    expect(await store.write((tx) => tx.memory?.kept.get('id'))).toBeUndefined();
  });
});

describe('a statement', () => {
  it.each([
    ['INSERT INTO payments (id) VALUES (?)', false],
    ['UPDATE meters SET count = 1', false],
    ['DELETE FROM meter_rolling', false],
    ['UPDATE wallets SET next_nonce = next_nonce + 1 WHERE agent_id = ? RETURNING next_nonce', false],
    ['UPDATE wallets SET next_nonce = ? WHERE next_nonce < ?', true],
    ['UPDATE wallets SET next_nonce = next_nonce + 1, ceilings_json = ? WHERE agent_id = ?', true],
    ['UPDATE agents SET status = ?', true],
    ['INSERT INTO payments_archive SELECT 1', true],
    ['INSERT OR REPLACE INTO payments (id) VALUES (?)', true],
    ['WITH gone AS (SELECT 1) DELETE FROM agents', true],
    ['DROP TABLE payees', true],
  ])('%s: changes facts %s', (sql, expected) => {
    expect(changesFacts(sql)).toBe(expected);
  });
});

describe('what another connection writes to the file', () => {
  it('is read again from the next commit on: an operator may freeze an agent manually', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'bursar-memory-'));
    const shared = await openStore(join(folder, 'bursar.db'));
    await shared.write((tx) => put(tx, 'one'));
    await shared.write((tx) => tx.memory?.kept.set('end', 1));
    expect(await shared.write(value)).toBe('one');
    const other = new Database(shared.path);
    other.prepare("UPDATE settings SET value = 'manually'").run();
    other.close();
    expect(await shared.write(value)).toBe('manually');
    expect(await shared.write((tx) => tx.memory?.kept.get('end'))).toBeUndefined();
    await shared.write((tx) => count(tx));
    expect(await shared.write(value)).toBe('manually');
    expect(reads).toBe(2);
    await shared.close();
    rmSync(folder, { recursive: true, force: true });
  });
});
