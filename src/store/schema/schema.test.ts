import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { openStore } from '../store.ts';
import { text } from '../text.ts';

const folder = dirname(fileURLToPath(import.meta.url));

/** `table.column: integer` or `text`, with `or null`, as the interfaces say. */
function declared(): string[] {
  const lines: string[] = [];
  for (const file of readdirSync(folder)) {
    const source = readFileSync(join(folder, file), 'utf8');
    const shapes = new Map(
      [...source.matchAll(/^interface (\w+) \{\n([^}]*)\}/gm)].map(([, name, body]) => [name, body]),
    );
    const tables = /^export interface \w+Tables \{\n([^}]*)\}/m.exec(source)?.[1] ?? '';
    for (const [, table, shape] of tables.matchAll(/^ {2}(\w+): (\w+);$/gm)) {
      for (const [, column, type = ''] of (shapes.get(shape) ?? '').matchAll(/^ {2}(\w+):\s*([^;]+);/gm)) {
        const isInteger = /Integer|Computed<bigint>/.test(type);
        const isNullable = /\bnull\b|Optional|OrNull/.test(type);
        lines.push(`${table}.${column}: ${isInteger ? 'integer' : 'text'}${isNullable ? ' or null' : ''}`);
      }
    }
  }
  return lines.sort();
}

it('declares every table, view and column of the database, with its type', async () => {
  const store = await openStore(':memory:');
  const columns = await store.read((tx) =>
    tx.all(
      text<{
        table: string;
        kind: string;
        name: string;
        type: string;
        required: bigint;
      }>(`SELECT m.name AS "table", m.type AS kind, c.name, c.type, c."notnull" OR c.pk > 0 AS required
       FROM sqlite_schema m, pragma_table_info(m.name) c WHERE m.type IN ('table', 'view') AND m.name NOT LIKE 'sqlite_%' AND m.name NOT LIKE 'kysely_%'`),
    ),
  );
  await store.close();
  // A view's columns have no constraints, and one is computed.
  const found = columns.map(({ table, kind, name, type, required }) =>
    kind === 'view'
      ? `${table}.${name}: ${name === 'account' ? 'text' : 'integer'}`
      : `${table}.${name}: ${type.toLowerCase()}${required ? '' : ' or null'}`,
  );
  expect(found.length).toBeGreaterThan(400);
  expect(declared()).toEqual(found.sort());
});
