import pg from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Sealing } from '../changes.ts';
import { postgresMigrations } from '../migrations/index.ts';
import { statement } from '../statement.ts';
import { openStore, type Store, type Tx } from '../store.ts';
import { testDatabase } from '../testing/openTestStore.ts';
import { text } from '../text.ts';
import { migratePostgres } from './migrate.ts';

let url: string;
let opened: Store[];
/** Another client of the same database, for what happens to the server. */
let admin: pg.Client;
beforeEach(async () => {
  url = await testDatabase(`store ${Math.random()}`);
  admin = new pg.Client({ connectionString: url });
  await admin.connect();
  opened = [];
});
afterEach(async () => {
  for (const store of opened) await store.close();
  await admin.end();
});

async function open(sealing: Sealing<Tx> | null = null): Promise<Store> {
  const store = await openStore(url, undefined, sealing);
  opened.push(store);
  return store;
}
const insert = statement<{ name: string; value: string }>()((db, p) =>
  db.insertInto('settings').values({ name: p.name, value: p.value }),
);
const byName = statement<{ name: string }>()((db, p) =>
  db.selectFrom('settings').selectAll().where('name', '>=', p.name).orderBy('name'),
);
const put = (tx: Tx, name: string, value = 'x'): Promise<number> => tx.run(insert, { name, value });
const names = async (store: Store): Promise<string[]> =>
  (await store.read((tx) => tx.all(byName, { name: '' }))).map(({ name }) => name);
/** Ends the sessions that a condition chooses, as a crash of the server or a cut of the network does. */
const endSessions = (condition: string): Promise<unknown> =>
  admin.query(
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'bursar' AND datname = current_database() AND ${condition}`,
  );

describe('write', () => {
  it('undoes a job that throws, whole, and lets the others of its commit stand', async () => {
    const store = await open();
    const results = await Promise.allSettled([
      store.write((tx) => put(tx, 'first')),
      store.write(async (tx) => {
        await put(tx, 'half');
        await put(tx, 'first');
      }),
      store.write((tx) => put(tx, 'last')),
    ]);
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(results[1]).toMatchObject({
      reason: { code: 'conflict', message: expect.not.stringContaining('settings') },
    });
    expect(await names(store)).toEqual(expect.arrayContaining(['first', 'last']));
    expect(await names(store)).not.toContain('half');
  });

  it('runs one write at a time over all servers, each reading what was committed before it', async () => {
    const stores = [await open(), await open(), await open()];
    await stores[0]?.write((tx) => put(tx, 'count', '0'));
    const count = statement()((db) => db.selectFrom('settings').select('value').where('name', '=', 'count'));
    const set = statement<{ value: string }>()((db, p) =>
      db.updateTable('settings').set({ value: p.value }).where('name', '=', 'count'),
    );
    const raise = async (tx: Tx): Promise<void> => {
      const row = await tx.get(count);
      await tx.run(set, { value: String(Number(row?.value) + 1) });
    };
    await Promise.all(Array.from({ length: 60 }, (_, n) => stores[n % 3]?.write(raise)));
    expect(await stores[1]?.read((tx) => tx.get(count))).toEqual({ value: '60' });
  });

  it('runs again on a new connection when the old one ended before COMMIT', async () => {
    const store = await open();
    await store.write((tx) => put(tx, 'a'));
    let runs = 0;
    await store.write(async (tx) => {
      runs += 1;
      await put(tx, 'b');
      if (runs === 1) await endSessions("state = 'idle in transaction'");
      await put(tx, 'c');
    });
    expect(runs).toBe(2);
    expect(await names(store)).toEqual(['a', 'b', 'c']);
  });

  it('says that the outcome is unknown when the connection ends during COMMIT, and runs nothing again', async () => {
    const store = await open();
    // A deferred trigger holds COMMIT open for as long as the test needs.
    await admin.query(`CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_advisory_xact_lock(1); RETURN NULL; END $$;
      CREATE CONSTRAINT TRIGGER hold AFTER INSERT ON settings DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION hold();
      SELECT pg_advisory_lock(1)`);
    let runs = 0;
    const write = store.write(async (tx) => {
      runs += 1;
      tx.afterCommit(() => expect.unreachable('it is not known to be committed'));
      await put(tx, 'a');
    });
    const outcome = expect(write).rejects.toMatchObject({ code: 'outcome_unknown', retry: 'safe' });
    await expect
      .poll(
        async () =>
          (await admin.query("SELECT FROM pg_stat_activity WHERE query = 'COMMIT' AND wait_event = 'advisory'"))
            .rowCount,
      )
      .toBe(1);
    await endSessions("query = 'COMMIT'");
    await outcome;
    expect(runs).toBe(1);
    await admin.query('SELECT pg_advisory_unlock(1); DROP TRIGGER hold ON settings');
    await store.write((tx) => put(tx, 'b'));
    expect(await names(store)).toEqual(['b']);
  });

  it('refuses a job that went on after a statement of it had failed, and no other', async () => {
    const store = await open();
    await store.write((tx) => put(tx, 'a'));
    const results = await Promise.allSettled([
      store.write((tx) => put(tx, 'a').catch(() => 0)),
      store.write((tx) => put(tx, 'b')),
    ]);
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'fulfilled']);
    await expect(store.write((tx) => put(tx, 'a').catch(() => 0))).rejects.toMatchObject({ code: 'storage_failed' });
    expect(await names(store)).toEqual(['a', 'b']);
  });

  it('lets the server end a transaction that its client has left, and a statement that takes too long', async () => {
    const store = await open();
    const limits = await store.write((tx) =>
      tx.get(
        text(
          "SELECT current_setting('idle_in_transaction_session_timeout') AS idle, current_setting('statement_timeout') AS statement",
        ),
      ),
    );
    expect(limits).toEqual({ idle: '10s', statement: '1min' });
  });
});

describe('read', () => {
  it('sees one moment, though others commit between its statements, and several at once', async () => {
    const store = await open();
    await store.write((tx) => put(tx, 'a'));
    const seen = await store.read(async (tx) => {
      const before = await tx.all(byName, { name: '' });
      await store.write((writing) => put(writing, 'b'));
      expect(await names(store)).toEqual(['a', 'b']);
      return [before.length, (await tx.all(byName, { name: '' })).length];
    });
    expect(seen).toEqual([1, 1]);
  });

  it('cannot write, and finds a new connection where the old one ended', async () => {
    const store = await open();
    const writing = text("INSERT INTO settings (name, value) VALUES ('a', 'b') RETURNING name");
    await expect(store.read((tx) => tx.get(writing))).rejects.toMatchObject({ code: 'storage_read_only' });
    await endSessions("state = 'idle'");
    expect(await names(store)).toEqual([]);
  });

  it('gives integers as bigint, sums too, conditions as 1 and 0, and texts in the order of their bytes', async () => {
    const store = await open();
    const sql =
      'SELECT 9007199254740993 AS big, sum(n) AS total, bool_and(n > 0) AS yes, NULL AS none FROM (VALUES (1::bigint), (2)) v(n)';
    expect(await store.read((tx) => tx.get(text(sql)))).toEqual({
      big: 9_007_199_254_740_993n,
      total: 3n,
      yes: 1n,
      none: null,
    });
    await store.write((tx) =>
      tx.runEach(
        insert,
        ['b', 'B', 'ä', 'a"\\{}', ''].map((name) => ({ name, value: '1' })),
      ),
    );
    expect(await names(store)).toEqual(['', 'B', 'a"\\{}', 'b', 'ä']);
  });
});

describe('many parameter sets', () => {
  it('are answered in their order, also where two are equal, or give many rows or none', async () => {
    const store = await open();
    expect(
      await store.write((tx) =>
        tx.runEach(
          insert,
          ['c', 'a', 'b'].map((name) => ({ name, value: name })),
        ),
      ),
    ).toBe(3);
    const sets = ['b', 'z', 'b', 'a'].map((name) => ({ name }));
    const all = await store.read((tx) => tx.allEach(byName, sets));
    expect(all.map((rows) => rows.map(({ name }) => name))).toEqual([['b', 'c'], [], ['b', 'c'], ['a', 'b', 'c']]);
    expect(await store.read((tx) => tx.getEach(byName, sets))).toEqual(
      ['b', undefined, 'b', 'a'].map((name) => name && { name, value: name }),
    );
  });
});

describe('a snapshot', () => {
  it('stays at its moment, and reads row by row', async () => {
    const store = await open();
    await store.write((tx) =>
      tx.runEach(
        insert,
        Array.from({ length: 1_201 }, (_, n) => ({ name: String(n).padStart(5, '0'), value: 'x' })),
      ),
    );
    const { tx, close } = await store.snapshot();
    await store.write((writing) => put(writing, 'later'));
    let count = 0;
    for await (const _ of tx.each(byName, { name: '' })) count += 1;
    expect(count).toBe(1_201);
    for await (const { name } of tx.each(byName, { name: '' })) if (name === '00003') break;
    expect(await tx.all(byName, { name: 'l' })).toEqual([]);
    await close();
  });
});

describe('opening', () => {
  it('refuses a schema that is behind, and one that is newer', async () => {
    const later = { name: '9998_later', sql: 'CREATE TABLE later (a bigint)' };
    await expect(openStore(url, [...postgresMigrations, later])).rejects.toMatchObject({ code: 'schema_outdated' });
    expect(await migratePostgres(url, [...postgresMigrations, later], null)).toEqual(['9998_later']);
    expect(await migratePostgres(url, [...postgresMigrations, later], null)).toEqual([]);
    await expect(openStore(url)).rejects.toMatchObject({
      code: 'storage_failed',
      message: expect.stringContaining('newer'),
    });
  });

  it('leaves nothing of migrations that fail half way', async () => {
    const broken = { name: '9999_broken', sql: 'CREATE TABLE half (a bigint); INSERT INTO missing VALUES (1)' };
    await expect(migratePostgres(url, [...postgresMigrations, broken], null)).rejects.toMatchObject({
      code: 'storage_failed',
    });
    expect((await admin.query("SELECT to_regclass('half') AS half")).rows).toEqual([{ half: null }]);
    await open();
  });

  it('refuses a database that cannot be written, a user without rights, and a server that is not there', async () => {
    await admin.query(`ALTER DATABASE ${new URL(url).pathname.slice(1)} SET default_transaction_read_only = on`);
    await expect(openStore(url)).rejects.toMatchObject({ code: 'storage_read_only' });
    await admin.query(`ALTER DATABASE ${new URL(url).pathname.slice(1)} RESET default_transaction_read_only`);
    await admin.query('DROP ROLE IF EXISTS nobody_here; CREATE ROLE nobody_here LOGIN');
    const other = new URL(url);
    other.searchParams.set('user', 'nobody_here');
    await expect(openStore(other.href)).rejects.toMatchObject({ code: 'storage_forbidden' });
    await expect(openStore('postgres://127.0.0.1:1/none')).rejects.toMatchObject({ code: 'storage_unreachable' });
  });

  it('shows no password', async () => {
    const withPassword = new URL(url);
    withPassword.searchParams.set('password', 's3cret');
    const store = await openStore(withPassword.href);
    opened.push(store);
    expect(store.path).not.toContain('s3cret');
  });
});
