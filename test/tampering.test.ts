import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkLedger } from '../src/books/ledger/check.ts';
import { unsealedTables } from '../src/books/ledger/sealedTables.ts';
import { readingOn, type SqlValue } from '../src/store/store.ts';
import { richBooks } from './support/richBooks.ts';

/** Tables that no figure of the books rests on: the reasons stand with `unsealedTables`. */
const noEvidence = new Set(['blocks', 'chain_checked', 'notices', 'sessions', 'log_tiles', 'log_heads']);

type Row = Record<string, SqlValue>;
type Column = { name: string; type: string; pk: bigint };

let folder: string;
let file: Database.Database;
let tables: string[];

beforeAll(async () => {
  const server = await richBooks();
  folder = mkdtempSync(join(tmpdir(), 'bursar-tampering-'));
  const path = join(folder, 'books.sqlite');
  await server.stop();
  copyFileSync(server.bursar.store.path, path);
  await server.end();
  file = new Database(path);
  file.defaultSafeIntegers(true);
  file.pragma('foreign_keys = OFF');
  file.pragma('ignore_check_constraints = ON');
  for (const { type, name } of all<{ type: string; name: string }>(
    "SELECT type, name FROM sqlite_master WHERE type = 'trigger' OR (type = 'index' AND sql IS NOT NULL)",
  )) {
    file.exec(`DROP ${type} ${name}`);
  }
  tables = all<{ name: string }>(
    "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name NOT LIKE 'kysely_%' ORDER BY name",
  ).map(({ name }) => name);
}, 240_000);
afterAll(() => {
  file?.close();
  rmSync(folder, { recursive: true, force: true });
});

const all = <R>(sql: string, ...values: SqlValue[]): R[] => file.prepare(sql).all(...values) as R[];
const columnsOf = (table: string): Column[] => all('SELECT name, type, pk FROM pragma_table_info(?)', table);
const evidence = (): string[] => tables.filter((table) => !noEvidence.has(table));

/** The check on what the transaction under way says. */
function findings(): Promise<string[]> {
  const tx = readingOn(file);
  return checkLedger({ snapshot: () => ({ tx, close: () => {} }) }, null).then((result) => result.findings);
}

/** Does it, asks the check, and undoes it. */
async function tampered(tamper: () => void): Promise<string[]> {
  file.exec('BEGIN');
  try {
    tamper();
    return await findings();
  } finally {
    file.exec('ROLLBACK');
  }
}

const whereOf = (columns: Column[], row: Row): { where: string; values: SqlValue[] } => {
  const keys = columns.filter(({ pk }) => pk > 0n);
  return {
    where: keys.map(({ name }) => `${name} = ?`).join(' AND '),
    values: keys.map(({ name }) => row[name] ?? null),
  };
};
/** Another value of the column. `free`: one that no other row has. */
const other = (value: SqlValue | undefined, type: string, free = false): SqlValue => {
  if (type === 'INTEGER' && free) return 987_654_321n;
  if (type === 'INTEGER') return typeof value === 'bigint' ? value + 1n : 1n;
  return typeof value === 'string' ? `${value}x` : 'x';
};
function insert(table: string, columns: Column[], row: Row): void {
  const names = columns.map(({ name }) => name);
  file
    .prepare(`INSERT INTO ${table} (${names.join(', ')}) VALUES (${names.map(() => '?').join(', ')})`)
    .run(...names.map((name) => row[name] ?? null));
}
function remove(table: string, columns: Column[], row: Row): void {
  const { where, values } = whereOf(columns, row);
  expect(file.prepare(`DELETE FROM ${table} WHERE ${where}`).run(...values).changes).toBe(1);
}
/** A row from the middle: what is at the end of the log only an anchor can hold. */
const middle = (rows: Row[]): Row => rows[Math.floor((rows.length - 1) / 2)] as Row;
/** Of payments one of each state, since each has other evidence. */
function samples(table: string): Row[] {
  const rows = all<Row>(`SELECT * FROM ${table}`).filter((row) => row.name !== 'notices:cursor');
  if (table !== 'payments') return rows.length === 0 ? [] : [middle(rows)];
  return [...new Map(rows.map((row) => [row.state, row])).values()];
}
const names = (said: string[], table: string, row: Row, columns: Column[]): boolean => {
  // A meter's row is named by its id, or by its meter and all of its group.
  if (table === 'meters') {
    const parts = [String(row.meter), ...String(row.grp).split('\u001f')].filter((part) => part !== '');
    const id = new RegExp(`\\bmeters ${row.id}\\b`);
    return said.some((text) => id.test(text) || parts.every((part) => text.includes(part)));
  }
  const keys = columns.filter(({ pk }) => pk > 0n).map(({ name }) => String(row[name]));
  return said.some((text) => text.includes(table) || keys.some((key) => text.includes(key)));
};

describe('ledger check', () => {
  it('finds nothing in what the server wrote, and knows all tables of the schema', async () => {
    expect(await findings()).toEqual([]);
    expect(Object.keys(unsealedTables).filter((table) => !tables.includes(table))).toEqual([]);
    const empty = evidence().filter((table) => all(`SELECT 1 FROM ${table} LIMIT 2`).length < 2);
    expect(empty).toEqual([]);
    const states = all<{ state: string }>('SELECT DISTINCT state FROM payments ORDER BY state').map(
      ({ state }) => state,
    );
    expect(states).toEqual(expect.arrayContaining(['denied', 'final', 'in_review']));
  });

  it('finds any one changed column of any row that evidence rests on, and names it', async () => {
    const missed: string[] = [];
    for (const table of evidence()) {
      const columns = columnsOf(table);
      for (const row of samples(table)) {
        for (const { name, type, pk } of columns) {
          const isUnique = pk > 0n || uniqueIn(table).includes(name);
          const { where, values } = whereOf(columns, row);
          const said = await tampered(() => {
            file
              .prepare(`UPDATE ${table} SET ${name} = ? WHERE ${where}`)
              .run(other(row[name], type, isUnique), ...values);
          });
          if (!names(said, table, row, columns))
            missed.push(`${table}.${name} of ${values.join(' ')}: ${said.join(' ').slice(0, 200)}`);
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
      const columns = columnsOf(table);
      const rows = all<Row>(`SELECT * FROM ${table}`).filter((row) => row.name !== 'notices:cursor');
      const one = middle(rows);
      const deleted = await tampered(() => remove(table, columns, one));
      if (!names(deleted, table, one, columns)) missed.push(`${table}: a deleted row: ${deleted.join(' ')}`);
      const copy = { ...one };
      for (const { name, type, pk } of columns) {
        if (pk > 0n || uniqueIn(table).includes(name)) copy[name] = other(one[name], type, true);
      }
      const inserted = await tampered(() => insert(table, columns, copy));
      if (!names(inserted, table, copy, columns)) missed.push(`${table}: an inserted row`);
      const two = rows.find((row) => contentOf(columns, row) !== contentOf(columns, one));
      if (!two) continue;
      const swapped = await tampered(() => {
        for (const row of [one, two]) remove(table, columns, row);
        insert(table, columns, { ...two, ...keysOf(columns, one) });
        insert(table, columns, { ...one, ...keysOf(columns, two) });
      });
      if (![one, two].some((row) => names(swapped, table, row, columns)))
        missed.push(`${table}: two rows that were swapped`);
    }
    expect(missed).toEqual([]);
  }, 600_000);
});

const uniqueIn = (table: string): string[] =>
  all<{ name: string }>(
    'SELECT c.name FROM pragma_index_list(?) i, pragma_index_info(i.name) c WHERE i."unique" = 1',
    table,
  ).map(({ name }) => name);
const keysOf = (columns: Column[], row: Row): Row =>
  Object.fromEntries(columns.filter(({ pk }) => pk > 0n).map(({ name }) => [name, row[name] ?? null]));
const contentOf = (columns: Column[], row: Row): string =>
  columns
    .filter(({ pk }) => pk === 0n)
    .map(({ name }) => String(row[name]))
    .join('|');
