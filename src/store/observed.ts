import { textAndValues } from './connection.ts';
import type { Command } from './statement.ts';
import type { ReadTx } from './store.ts';
import { text } from './text.ts';

const CALLS = new Set(['get', 'all', 'getEach', 'allEach', 'run', 'runEach']);

/** Wraps each statement of a transaction with a function that gets its text: for tests and benchmarks. */
export function observed<T extends ReadTx>(tx: T, around: <V>(sql: string, run: () => Promise<V>) => Promise<V>): T {
  const wrap =
    (call: unknown) =>
    (command: Command<never>, given?: unknown): Promise<never> =>
      around(command.compiled('sqlite').sql, () =>
        (call as (first: Command<never>, given?: unknown) => Promise<never>)(command, given),
      );
  const calls = Object.entries(tx).filter(([name]) => CALLS.has(name));
  return { ...tx, ...Object.fromEntries(calls.map(([name, call]) => [name, wrap(call)])) };
}

/** A transaction in which `all` returns no rows for chosen statements, but calls `each` with SQLite's query plan. */
export function explaining<T extends ReadTx>(
  tx: T,
  each: (step: string) => void,
  chosen: (sql: string) => boolean = () => true,
): T {
  const all = async (command: Command<never>, given?: unknown): Promise<never[]> => {
    const { sql, values } = textAndValues(command, given);
    if (!chosen(sql)) return await tx.all(text<never>(sql, ...values));
    const plan = text<{ detail: string }>(`EXPLAIN QUERY PLAN ${sql}`, ...values);
    for (const { detail } of await tx.all(plan)) each(detail);
    return [];
  };
  return { ...tx, all };
}
