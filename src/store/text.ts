import type { None, SqlValue, Statement } from './statement.ts';

/** A row of any table. */
export type AnyRow = Record<string, SqlValue>;

/**
 * SQL text with its values, for statements without a Kysely tree: PRAGMA, EXPLAIN, catalogue, DROP. Only `src/store` and its tests
 * use it.
 */
export function text<Row = AnyRow>(sql: string, ...values: readonly SqlValue[]): Statement<None, Row> {
  const made: unknown = {
    isDynamic: true,
    compiled: () => ({ sql, parameters: values }),
  };
  return made as Statement<None, Row>;
}
