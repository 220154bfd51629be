import { textAndValues } from './connection.ts';
import type { Command } from './statement.ts';
import type { ReadTx } from './store.ts';

type First = string | Command<never>;

/** The transaction with a wrapper around each statement, told its text: for tests and benchmarks. */
export function observed<T extends ReadTx>(tx: T, around: <V>(sql: string, run: () => V) => V): T {
  const wrap =
    (call: unknown) =>
    (first: First, ...rest: unknown[]): never =>
      around(textAndValues(first, rest).sql, () =>
        (call as (first: First, ...rest: unknown[]) => never)(first, ...rest),
      );
  return { ...tx, get: wrap(tx.get), all: wrap(tx.all), ...('run' in tx ? { run: wrap(tx.run) } : {}) };
}

/** The transaction, but `all` of what `chosen` picks gives no rows: it calls `each` with the steps by which SQLite would find them. */
export function explaining<T extends ReadTx>(
  tx: T,
  each: (step: string) => void,
  chosen: (sql: string) => boolean = () => true,
): T {
  const all = (first: First, ...rest: unknown[]): never[] => {
    const { sql, values } = textAndValues(first, rest);
    if (!chosen(sql)) return tx.all(sql, ...values) as never[];
    for (const { detail } of tx.all<{ detail: string }>(`EXPLAIN QUERY PLAN ${sql}`, ...values)) each(detail);
    return [];
  };
  return { ...tx, all };
}
