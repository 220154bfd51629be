import { expect, it } from 'vitest';
import { openStore, type ReadTx, type Store } from '../store.ts';
import { openTestStore } from '../testing/openTestStore.ts';
import { text } from '../text.ts';

/** What a column, key, index or check is, in words that are the same for both databases. */
type Line = { line: string };
const lines = async (tx: ReadTx, sql: string): Promise<string[]> =>
  (await tx.all(text<Line>(sql))).map(({ line }) => normal(line)).sort();

/** One spelling for what the two catalogues write differently: quotes, casts, brackets around single terms, and `= ANY (ARRAY[…])`. */
function normal(sql: string): string {
  let plain = sql
    .toLowerCase()
    .replaceAll(/--[^\n]*/g, ' ')
    .replaceAll('"', '')
    .replaceAll(/'(\d+)'/g, '$1')
    .replaceAll(/::(text|bigint|numeric)(\[\])?/g, '')
    .replaceAll(/= any \(array\[([^\]]*)\]\)/g, 'in ($1)')
    .replaceAll(/<> all \(array\[([^\]]*)\]\)/g, 'not in ($1)')
    .replaceAll(/\s+/g, ' ')
    .replaceAll(/\( /g, '(')
    .replaceAll(/ \)/g, ')');
  for (let before = ''; before !== plain; ) {
    before = plain;
    // Brackets around one comparison or one bracketed term say nothing; those of lists and functions stand after a word.
    plain = plain
      .replaceAll(/(?<!\bin |\w)\(([^()]*(?:\bin \([^()]*\)|\w+\([^()]*\))?[^()]*)\)/g, '$1')
      .replaceAll(/\s+/g, ' ')
      .trim();
  }
  return plain;
}

const sqlite = {
  columns: `SELECT m.name || '.' || c.name || ' ' || lower(c.type) || CASE WHEN c."notnull" OR c.pk > 0 THEN '' ELSE ' or null' END || coalesce(' default ' || c.dflt_value, '') || CASE WHEN c.pk > 0 THEN ' key ' || c.pk ELSE '' END AS line
    FROM sqlite_schema m, pragma_table_info(m.name) c WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%' AND m.name NOT LIKE 'kysely_%'`,
  parents: `SELECT m.name || '.' || k."from" || ' -> ' || k."table" || '.' || k."to" AS line FROM sqlite_schema m, pragma_foreign_key_list(m.name) k WHERE m.type = 'table'`,
  unique: `SELECT m.name || ' unique ' || (SELECT group_concat(name, ', ') FROM (SELECT name FROM pragma_index_info(i.name) ORDER BY seqno)) AS line
    FROM sqlite_schema m, pragma_index_list(m.name) i WHERE m.type = 'table' AND i.origin = 'u' AND m.name NOT LIKE 'kysely_%'`,
  indexes: `SELECT replace(sql, ' ' || name || ' ON ', ' ' || name || ' ON ') AS line FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL`,
  tables: `SELECT name AS "table", sql AS line FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name NOT LIKE 'kysely_%'`,
};
const postgres = {
  columns: `SELECT c.table_name || '.' || c.column_name || ' ' || CASE c.data_type WHEN 'bigint' THEN 'integer' ELSE c.data_type END || CASE c.is_nullable WHEN 'NO' THEN '' ELSE ' or null' END || CASE WHEN c.column_default LIKE 'next\\_number%' THEN '' ELSE coalesce(' default ' || c.column_default, '') END || coalesce(' key ' || k.ordinal_position, '') AS line
    FROM information_schema.columns c JOIN information_schema.tables t USING (table_schema, table_name)
    LEFT JOIN information_schema.table_constraints p ON p.table_schema = c.table_schema AND p.table_name = c.table_name AND p.constraint_type = 'PRIMARY KEY'
    LEFT JOIN information_schema.key_column_usage k ON k.constraint_schema = p.constraint_schema AND k.constraint_name = p.constraint_name AND k.column_name = c.column_name
    WHERE c.table_schema = current_schema() AND t.table_type = 'BASE TABLE' AND c.table_name NOT LIKE 'kysely%'`,
  parents: `SELECT c.conrelid::regclass || '.' || a.attname || ' -> ' || c.confrelid::regclass || '.' || b.attname AS line
    FROM pg_constraint c JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1] JOIN pg_attribute b ON b.attrelid = c.confrelid AND b.attnum = c.confkey[1] WHERE c.contype = 'f' AND cardinality(c.conkey) = 1`,
  unique: `SELECT conrelid::regclass || ' ' || replace(replace(pg_get_constraintdef(oid), '(', ''), ')', '') AS line FROM pg_constraint WHERE contype = 'u' AND connamespace = current_schema()::regnamespace AND conrelid::regclass::text NOT LIKE 'kysely%'`,
  indexes: `SELECT replace(replace(pg_get_indexdef(i.indexrelid), current_schema() || '.', ''), ' USING btree', '') AS line FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
    WHERE c.relnamespace = current_schema()::regnamespace AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.indexrelid)`,
  checks: `SELECT conrelid::regclass || ' ' || pg_get_constraintdef(oid) AS line FROM pg_constraint WHERE contype = 'c' AND connamespace = current_schema()::regnamespace`,
};

/** The checks of the tables' own texts, each as PostgreSQL's catalogue names it. */
async function checksOnSqlite(tx: ReadTx): Promise<string[]> {
  const found: string[] = [];
  for (const { table, line } of await tx.all(text<Line & { table: string }>(sqlite.tables))) {
    const bare = line.replaceAll(/--[^\n]*/g, ' ');
    for (const { index } of bare.matchAll(/\bCHECK \(/g)) {
      let depth = 0;
      const end = [...bare.slice(index)].findIndex((sign) => {
        if (sign === '(') depth += 1;
        if (sign === ')') depth -= 1;
        return sign === ')' && depth === 0;
      });
      found.push(normal(`${table} ${bare.slice(index, index + end + 1)}`));
    }
  }
  return found.sort();
}

const both = async (act: (one: Store, other: Store) => Promise<void>): Promise<void> => {
  const [one, other] = [await openStore(':memory:'), await openTestStore()];
  try {
    await act(one, other);
  } finally {
    await one.close();
    await other.close();
  }
};

it.each(['columns', 'parents', 'unique', 'indexes'] as const)('are equal on both databases: %s', async (what) => {
  await both(async (one, other) => {
    const [here, there] = [
      await one.read((tx) => lines(tx, sqlite[what])),
      await other.read((tx) => lines(tx, postgres[what])),
    ];
    expect(here.length).toBeGreaterThan(10);
    expect(there).toEqual(here);
  });
});

it('are equal on both databases: checks', async () => {
  await both(async (one, other) => {
    const here = await one.read(checksOnSqlite);
    expect(here.length).toBeGreaterThan(60);
    expect(await other.read((tx) => lines(tx, postgres.checks))).toEqual(here);
  });
});
