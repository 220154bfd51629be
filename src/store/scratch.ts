import Database from 'better-sqlite3';
import type { SqlValue } from './store.ts';

export type Scratch = {
  get<R>(sql: string, ...values: SqlValue[]): R | undefined;
  each<R>(sql: string, ...values: SqlValue[]): IterableIterator<R>;
  run(sql: string, ...values: SqlValue[]): void;
  close(): void;
};

/** A database for one computation: in memory as far as it is small, else in a temporary file that SQLite deletes itself. */
export function openScratch(schema: string): Scratch {
  const database = new Database('');
  database.defaultSafeIntegers(true);
  database.pragma('journal_mode = OFF');
  database.pragma('synchronous = OFF');
  database.exec(schema);
  database.exec('BEGIN');
  const known = new Map<string, Database.Statement<SqlValue[]>>();
  const statementOf = (sql: string): Database.Statement<SqlValue[]> => {
    let statement = known.get(sql);
    if (!statement) {
      statement = database.prepare<SqlValue[]>(sql);
      known.set(sql, statement);
    }
    return statement;
  };
  return {
    get: <R>(sql: string, ...values: SqlValue[]) => statementOf(sql).get(...values) as R | undefined,
    each: <R>(sql: string, ...values: SqlValue[]) =>
      database.prepare<SqlValue[]>(sql).iterate(...values) as IterableIterator<R>,
    run: (sql, ...values) => {
      statementOf(sql).run(...values);
    },
    close: () => database.close(),
  };
}
