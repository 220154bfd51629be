import type { Dialect } from './dialects/fragments.ts';
import type { None, SqlValue, Statement } from './statement.ts';

/** A row of any table. */
export type AnyRow = Record<string, SqlValue>;

/**
 * SQL text with its values, for statements without a Kysely tree: PRAGMA, EXPLAIN, catalogue, DROP. Placeholders are `?`. Only
 * `src/store` and its tests use it. `sql`: one text for both databases, or one for each.
 */
export function text<Row = AnyRow>(
  sql: string | Record<Dialect, string>,
  ...values: readonly SqlValue[]
): Statement<None, Row> {
  const made: unknown = {
    isDynamic: true,
    compiled: (dialect: Dialect) => {
      const chosen = typeof sql === 'string' ? sql : sql[dialect];
      return { sql: dialect === 'postgres' ? numbered(chosen) : chosen, parameters: values };
    },
  };
  return made as Statement<None, Row>;
}

function numbered(sql: string): string {
  let count = 0;
  return sql.replaceAll('?', () => {
    count += 1;
    return `$${count}`;
  });
}
