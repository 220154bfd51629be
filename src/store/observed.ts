import { textAndValues } from './connection.ts';
import type { Command } from './statement.ts';
import type { ReadTx } from './store.ts';
import { text } from './text.ts';

type First = Command<never>;

/** Wraps each statement of a transaction with a function that gets its text: for tests and benchmarks. */
export function observed<T extends ReadTx>(tx: T, around: <V>(sql: string, run: () => V) => V): T {
  const wrap =
    (call: unknown) =>
    (first: First, ...rest: unknown[]): never =>
      around(textAndValues(first, rest).sql, () =>
        (call as (first: First, ...rest: unknown[]) => never)(first, ...rest),
      );
  return { ...tx, get: wrap(tx.get), all: wrap(tx.all), ...('run' in tx ? { run: wrap(tx.run) } : {}) };
}

/** A transaction in which `all` returns no rows for chosen statements, but calls `each` with SQLite's query plan. */
export function explaining<T extends ReadTx>(
  tx: T,
  each: (step: string) => void,
  chosen: (sql: string) => boolean = () => true,
): T {
  const all = (first: First, ...rest: unknown[]): never[] => {
    const { sql, values } = textAndValues(first, rest);
    if (!chosen(sql)) return tx.all(text<never>(sql, ...values));
    const plan = text<{ detail: string }>(`EXPLAIN QUERY PLAN ${sql}`, ...values);
    for (const { detail } of tx.all(plan)) each(detail);
    return [];
  };
  return { ...tx, all };
}
