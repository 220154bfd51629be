import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { paymentKinds } from '../../core/payment/kinds.ts';
import { states } from '../../core/payment/states.ts';
import { openStore, type Store } from '../store.ts';
import { text } from '../text.ts';
import { migrations } from './index.ts';

let path: string;
let opened: Store[];
beforeEach(() => {
  path = join(mkdtempSync(join(tmpdir(), 'bursar-migrate-')), 'bursar.db');
  opened = [];
});
afterEach(async () => {
  for (const store of opened) await store.close();
  rmSync(dirname(path), { recursive: true, force: true });
});

async function open(file: string, schema = migrations): Promise<Store> {
  const store = await openStore(file, schema);
  opened.push(store);
  return store;
}

/** Asks the file itself, beside the store. */
function rows(sql: string): unknown[] {
  const database = new Database(path, { readonly: true });
  try {
    return database.prepare(sql).all();
  } finally {
    database.close();
  }
}
const objects = () => rows('SELECT name, sql FROM sqlite_schema ORDER BY name');
const executed = () => rows('SELECT name FROM kysely_migration ORDER BY name');

const later = {
  name: '9998_later',
  sql: 'CREATE TABLE later (a INTEGER) STRICT; CREATE INDEX later_by_a ON later (a)',
};
const broken = { name: '9999_broken', sql: 'CREATE TABLE half (a); INSERT INTO missing VALUES (1)' };
const initial = migrations.map(({ name }) => ({ name }));

describe('migrations', () => {
  it('give an upgraded database the schema of a new one', async () => {
    await (await open(path)).close();
    const upgraded = await open(path, [...migrations, later]);
    const fresh = await open(':memory:', [...migrations, later]);
    const schema = text('SELECT name, sql FROM sqlite_schema ORDER BY name');
    expect(await upgraded.read((tx) => tx.all(schema))).toEqual(await fresh.read((tx) => tx.all(schema)));
    expect(executed()).toEqual([...initial, { name: later.name }]);
  });

  it('leave nothing where one fails half way: not in a new file, not in one that was there', async () => {
    await expect(openStore(path, [...migrations, broken])).rejects.toMatchObject({ code: 'storage_failed' });
    expect(objects()).toEqual([]);
    await (await open(path)).close();
    const before = objects();
    await expect(openStore(path, [...migrations, later, broken])).rejects.toMatchObject({ code: 'storage_failed' });
    expect(objects()).toEqual(before);
    expect(executed()).toEqual(initial);
    // The lock is free again, and the next version of the broken one finds nothing in its way.
    const mended = { name: broken.name, sql: 'CREATE TABLE half (a INTEGER) STRICT' };
    await open(path, [...migrations, later, mended]);
    expect(executed()).toEqual([...initial, { name: later.name }, { name: mended.name }]);
  });

  it('write nothing to a database that has had them all', async () => {
    await (await open(path)).close();
    const version = () => rows('PRAGMA schema_version');
    const [schema, names] = [version(), rows('SELECT * FROM kysely_migration')];
    await (await open(path)).close();
    expect(version()).toEqual(schema);
    expect(rows('SELECT * FROM kysely_migration')).toEqual(names);
  });

  it('refuse a database that a newer Bursar wrote, and leave it as it is', async () => {
    await (await open(path, [...migrations, later])).close();
    const before = objects();
    await expect(openStore(path)).rejects.toMatchObject({
      code: 'storage_failed',
      message: expect.stringContaining('newer'),
    });
    expect(objects()).toEqual(before);
    expect(executed()).toEqual([...initial, { name: later.name }]);
  });
});

describe('the initial migration', () => {
  it('allows the states and kinds of a payment that the program knows, and no others', async () => {
    await open(path);
    const [{ sql }] = rows("SELECT sql FROM sqlite_schema WHERE name = 'payments'") as [{ sql: string }];
    const allowed = (column: string): string[] =>
      [...(new RegExp(`\\b${column} IN \\(([^)]*)\\)`).exec(sql)?.[1] ?? '').matchAll(/'(\w+)'/g)].map(
        ([, word = '']) => word,
      );
    expect(allowed('state').sort()).toEqual([...states].sort());
    expect(allowed('kind').sort()).toEqual([...paymentKinds].sort());
  });

  it('imports nothing that can change', () => {
    const folder = join(dirname(fileURLToPath(import.meta.url)), 'sqlite');
    const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));
    expect(files.length).toBeGreaterThan(10);
    const imports = files.flatMap((file) => readFileSync(join(folder, file), 'utf8').match(/^import .*$/gm) ?? []);
    expect(imports.filter((line) => !/ from '\.\/0001\/\w+\.ts';$/.test(line))).toEqual([]);
    expect(files.flatMap((file) => readFileSync(join(folder, file), 'utf8').match(/\$\{/g) ?? [])).toEqual([]);
  });
});
