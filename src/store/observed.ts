import { Slot } from './slots.ts';
import type { Command } from './statement.ts';
import type { ReadTx, SqlValue } from './store.ts';

type First = string | Command<never>;

/** The text of a statement and the values that a call binds, in order. */
export function textOf(first: First, rest: readonly unknown[]): { sql: string; values: SqlValue[] } {
  if (typeof first === 'string') return { sql: first, values: rest as SqlValue[] };
  const { sql, parameters } = first.compiled('sqlite');
  const given = (rest[0] ?? {}) as Record<string, readonly string[]>;
  const values = parameters.map((parameter) => {
    if (!(parameter instanceof Slot)) return parameter as SqlValue;
    const value = given[parameter.name] as readonly string[];
    return (parameter.encode ? parameter.encode(value) : value) as SqlValue;
  });
  return { sql, values };
}

/** The transaction with a wrapper around each statement, told its text: for tests and benchmarks. */
export function observed<T extends ReadTx>(tx: T, around: <V>(sql: string, run: () => V) => V): T {
  const wrap =
    (call: unknown) =>
    (first: First, ...rest: unknown[]): never =>
      around(textOf(first, rest).sql, () => (call as (first: First, ...rest: unknown[]) => never)(first, ...rest));
  return { ...tx, get: wrap(tx.get), all: wrap(tx.all), ...('run' in tx ? { run: wrap(tx.run) } : {}) };
}

/** The transaction, but `all` of what `chosen` picks gives no rows: it calls `each` with the steps by which SQLite would find them. */
export function explaining<T extends ReadTx>(
  tx: T,
  each: (step: string) => void,
  chosen: (sql: string) => boolean = () => true,
): T {
  const all = (first: First, ...rest: unknown[]): never[] => {
    const { sql, values } = textOf(first, rest);
    if (!chosen(sql)) return tx.all(sql, ...values) as never[];
    for (const { detail } of tx.all<{ detail: string }>(`EXPLAIN QUERY PLAN ${sql}`, ...values)) each(detail);
    return [];
  };
  return { ...tx, all };
}
