import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkLedger } from '../src/books/ledger/check.ts';
import { unsealedTables } from '../src/books/ledger/sealedTables.ts';
import { filterInOrder, mapInOrder } from '../src/core/inOrder.ts';
import { openRawFile, type RawFile } from '../src/store/rawFile.ts';
import { type AnyRow, everyRow, insertInto, tablesOf } from '../src/store/rows.ts';
import { query } from '../src/store/statement.ts';
import type { SqlValue } from '../src/store/store.ts';
import { type ColumnShape, dropGuards, dropIndexes, shapeOf, withoutChecks } from '../src/store/tampering.ts';
import { richBooks } from './support/richBooks.ts';

/** Tables that no figure of the books rests on: the reasons stand with `unsealedTables`. */
const noEvidence = new Set([
  'blocks',
  'chain_checked',
  'notices',
  'sessions',
  'log_tiles',
  'log_heads',
  'identity_epoch',
  'leases',
  'server_secrets',
  'sign_in_uses',
]);

let folder: string;
let file: RawFile;
let tables: string[];
let shapes: Map<string, ColumnShape[]>;

beforeAll(async () => {
  const server = await richBooks();
  folder = mkdtempSync(join(tmpdir(), 'bursar-tampering-'));
  const path = join(folder, 'books.sqlite');
  await server.stop();
  copyFileSync(server.bursar.store.path, path);
  await server.end();
  file = openRawFile(path);
  tables = await tablesOf(file.tx);
  await dropGuards(file.tx);
  await dropIndexes(file.tx);
  shapes = new Map(await mapInOrder(tables, async (table) => [table, await shapeOf(file.tx, table)]));
}, 240_000);
afterAll(() => {
  file?.close();
  rmSync(folder, { recursive: true, force: true });
});

const rowsOf = (table: string): Promise<AnyRow[]> => file.tx.all(everyRow(table));
const columnsOf = (table: string): ColumnShape[] => shapes.get(table) ?? [];
const evidence = (): string[] => tables.filter((table) => !noEvidence.has(table));

/** The check on what the transaction under way says. */
function findings(): Promise<string[]> {
  return checkLedger({ snapshot: async () => ({ tx: file.tx, close: async () => {} }) }, null).then(
    (result) => result.findings,
  );
}

/** Does it, asks the check, and undoes it. */
async function tampered(tamper: () => Promise<unknown>): Promise<string[]> {
  file.begin();
  try {
    await withoutChecks(file.tx, tamper);
    return await findings();
  } finally {
    file.rollBack();
  }
}

/** Another value of the column. `free`: one that no other row has. */
const other = (value: SqlValue | undefined, isInteger: boolean, free = false): SqlValue => {
  if (isInteger && free) return 987_654_321n;
  if (isInteger) return typeof value === 'bigint' ? value + 1n : 1n;
  return typeof value === 'string' ? `${value}x` : 'x';
};
const insert = (table: string, row: AnyRow): Promise<number> => file.tx.run(insertInto(table, Object.keys(row)), row);
/** The table is known at run time only, so the types of `settings` stand in for those of every table. */
async function update(table: string, row: AnyRow, change: AnyRow): Promise<void> {
  const changed = await file.tx.run(
    query((db) => {
      let command = db.updateTable(table as 'settings').set(change);
      for (const [name, value] of Object.entries(keysOf(table, row)))
        command = command.where(name as 'name', '=', value as string);
      return command;
    }),
  );
  expect(changed).toBe(1);
}
async function remove(table: string, row: AnyRow): Promise<void> {
  const changed = await file.tx.run(
    query((db) => {
      let command = db.deleteFrom(table as 'settings');
      for (const [name, value] of Object.entries(keysOf(table, row)))
        command = command.where(name as 'name', '=', value as string);
      return command;
    }),
  );
  expect(changed).toBe(1);
}
/** A row from the middle: what is at the end of the log only an anchor can hold. */
const middle = (rows: AnyRow[]): AnyRow => rows[Math.floor((rows.length - 1) / 2)] as AnyRow;
/** Of payments one of each state, since each has other evidence. */
async function samples(table: string): Promise<AnyRow[]> {
  const rows = (await rowsOf(table)).filter((row) => row.name !== 'notices:cursor');
  if (table !== 'payments') return rows.length === 0 ? [] : [middle(rows)];
  return [...new Map(rows.map((row) => [row.state, row])).values()];
}
const names = (said: string[], table: string, row: AnyRow): boolean => {
  // A meter's row is named by its id, or by its meter and all of its group.
  if (table === 'meters') {
    const parts = [String(row.meter), ...String(row.grp).split('\u001f')].filter((part) => part !== '');
    const id = new RegExp(`\\bmeters ${row.id}\\b`);
    return said.some((text) => id.test(text) || parts.every((part) => text.includes(part)));
  }
  const keys = Object.values(keysOf(table, row)).map(String);
  return said.some((text) => text.includes(table) || keys.some((key) => text.includes(key)));
};

describe('ledger check', () => {
  it('finds nothing in what the server wrote, and knows all tables of the schema', async () => {
    expect(await findings()).toEqual([]);
    expect(Object.keys(unsealedTables).filter((table) => !tables.includes(table))).toEqual([]);
    const empty = await filterInOrder(evidence(), async (table) => (await rowsOf(table)).length < 2);
    expect(empty).toEqual([]);
    const states = (await rowsOf('payments')).map(({ state }) => state);
    expect(states).toEqual(expect.arrayContaining(['denied', 'final', 'in_review']));
  });

  it('finds any one changed column of any row that evidence rests on, and names it', async () => {
    const missed: string[] = [];
    for (const table of evidence()) {
      for (const row of await samples(table)) {
        for (const { name, isInteger, isKey, isUnique } of columnsOf(table)) {
          const said = await tampered(() =>
            update(table, row, { [name]: other(row[name], isInteger, isKey || isUnique) }),
          );
          if (!names(said, table, row)) {
            const key = Object.values(keysOf(table, row)).join(' ');
            missed.push(`${table}.${name} of ${key}: ${said.join(' ').slice(0, 200)}`);
          }
          const isNamed = table !== 'payments' || name === 'id' || said.some((text) => text.includes(name));
          if (!isNamed) missed.push(`payments.${name} is not named: ${said.join(' ').slice(0, 300)}`);
        }
      }
    }
    expect(missed).toEqual([]);
  }, 600_000);

  it('finds a deleted, an inserted and two swapped rows of any such table', async () => {
    const missed: string[] = [];
    for (const table of evidence()) {
      const rows = (await rowsOf(table)).filter((row) => row.name !== 'notices:cursor');
      const one = middle(rows);
      const deleted = await tampered(() => remove(table, one));
      if (!names(deleted, table, one)) missed.push(`${table}: a deleted row: ${deleted.join(' ')}`);
      const copy = { ...one };
      for (const { name, isInteger, isKey, isUnique } of columnsOf(table)) {
        if (isKey || isUnique) copy[name] = other(one[name], isInteger, true);
      }
      const inserted = await tampered(() => insert(table, copy));
      if (!names(inserted, table, copy)) missed.push(`${table}: an inserted row`);
      const two = rows.find((row) => contentOf(table, row) !== contentOf(table, one));
      if (!two) continue;
      const swapped = await tampered(async () => {
        for (const row of [one, two]) await remove(table, row);
        await insert(table, { ...two, ...keysOf(table, one) });
        await insert(table, { ...one, ...keysOf(table, two) });
      });
      if (![one, two].some((row) => names(swapped, table, row))) missed.push(`${table}: two rows that were swapped`);
    }
    expect(missed).toEqual([]);
  }, 600_000);
});

/** The values of the primary key. */
function keysOf(table: string, row: AnyRow): AnyRow {
  const keys = columnsOf(table).filter(({ isKey }) => isKey);
  return Object.fromEntries(keys.map(({ name }) => [name, row[name] ?? null]));
}
const contentOf = (table: string, row: AnyRow): string =>
  columnsOf(table)
    .filter(({ isKey }) => !isKey)
    .map(({ name }) => String(row[name]))
    .join('|');
