import Database from 'better-sqlite3';
import { connectionOf } from './connection.ts';
import type { Integer } from './schema/columns.ts';
import { type Command, type ParametersOf, type Statement, statementsOf } from './statement.ts';

/** Collects from the event log for a check of the ledger: the last event of each row, and the decisions that events name. */
interface ScratchTables {
  seals: { tbl: string; key: string; digest: string | null; marks: string; seq: Integer };
  decisions: { n: Integer; hash: string; payment: string; at: Integer; seq: Integer };
}
const SCHEMA = `
CREATE TABLE seals (tbl TEXT NOT NULL, key TEXT NOT NULL, digest TEXT, marks TEXT NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY (tbl, key)) WITHOUT ROWID;
CREATE TABLE decisions (n INTEGER PRIMARY KEY, hash TEXT NOT NULL, payment TEXT NOT NULL, at INTEGER NOT NULL, seq INTEGER NOT NULL);
`;

export type Scratch = {
  get<P, R>(statement: Statement<P, R>, ...parameters: ParametersOf<NoInfer<P>>): R | undefined;
  each<P, R>(statement: Statement<P, R>, ...parameters: ParametersOf<NoInfer<P>>): Iterable<R>;
  run<P>(command: Command<P>, ...parameters: ParametersOf<NoInfer<P>>): number;
  close(): void;
};

/** Statements of the scratch tables. */
export const { statement: scratchStatement } = statementsOf<ScratchTables>();

/** A database for one computation: in memory while it is small, else in a temporary file that SQLite deletes itself. */
export function openScratch(): Scratch {
  const database = new Database('');
  database.defaultSafeIntegers(true);
  database.pragma('journal_mode = OFF');
  database.pragma('synchronous = OFF');
  database.exec(SCHEMA);
  database.exec('BEGIN');
  const { get, each, run } = connectionOf(database);
  return { get: get as Scratch['get'], each: each as Scratch['each'], run, close: () => database.close() };
}
