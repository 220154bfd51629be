import { readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { salesMigrations } from '../src/store/migrations/index.ts';
import type { Command } from '../src/store/statement.ts';
import { openStore, type Store } from '../src/store/store.ts';
import { text } from '../src/store/text.ts';

const source = join(dirname(fileURLToPath(import.meta.url)), '../src');
const files = readdirSync(source, { recursive: true, encoding: 'utf8' }).filter((path) => /queries\.ts$/i.test(path));

let books: Store;
/** A seller's sales stand in a file of their own. */
let sales: Store;
beforeAll(async () => {
  books = await openStore(':memory:');
  sales = await openStore(':memory:', salesMigrations);
});
afterAll(() => Promise.all([books.close(), sales.close()]));

const isCommand = (value: unknown): value is Command<never> =>
  typeof value === 'object' && value !== null && 'compiled' in value && typeof value.compiled === 'function';

it.each(files)('every statement of %s is one that SQLite takes, and compiles for PostgreSQL', async (file) => {
  const module: Record<string, unknown> = await import(pathToFileURL(join(source, file)).href);
  const found = Object.entries(module).filter(([, value]) => isCommand(value)) as [string, Command<never>][];
  expect(found).not.toEqual([]);
  const store = file.startsWith('earn/seller/') ? sales : books;
  for (const [name, command] of found) {
    const { sql, parameters } = command.compiled('sqlite');
    const values = parameters.map(() => null);
    await expect(
      store.read((tx) => tx.all(text(`EXPLAIN ${sql}`, ...values))),
      name,
    ).resolves.toBeDefined();
    expect(command.compiled('postgres').parameters.length, name).toBe(parameters.length);
  }
});
