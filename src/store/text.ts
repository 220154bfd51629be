import type { None, SqlValue, Statement } from './statement.ts';

/** A row of any table. */
export type AnyRow = Record<string, SqlValue>;

/** SQL text with its values, for what has no tree: PRAGMA, EXPLAIN, catalogues, DROP. Only `src/store` and its tests hold such text. */
export function text<Row = AnyRow>(sql: string, ...values: readonly SqlValue[]): Statement<None, Row> {
  const made: unknown = {
    isDynamic: true,
    compiled: () => ({ sql, parameters: values, change: null, tables: [] }),
  };
  return made as Statement<None, Row>;
}
