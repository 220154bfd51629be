import type { Command, ParametersOf, Statement } from './statement.ts';

/** Reads inside one consistent snapshot. Statements are prepared once. Nothing but the transaction is awaited inside it. */
export interface ReadTx {
  get<P, R>(statement: Statement<P, R>, ...parameters: ParametersOf<NoInfer<P>>): Promise<R | undefined>;
  all<P, R>(statement: Statement<P, R>, ...parameters: ParametersOf<NoInfer<P>>): Promise<R[]>;
  /** `get` for each set of parameters, in their order: one call, and on PostgreSQL one round trip. */
  getEach<P, R>(statement: Statement<P, R>, sets: readonly NoInfer<P>[]): Promise<(R | undefined)[]>;
  allEach<P, R>(statement: Statement<P, R>, sets: readonly NoInfer<P>[]): Promise<R[][]>;
}
/** Writes inside the one write transaction. `run` returns the number of changed rows. */
export interface Tx extends ReadTx {
  run<P>(command: Command<P>, ...parameters: ParametersOf<NoInfer<P>>): Promise<number>;
  /** `run` for each set of parameters, which change different rows. The number of rows that all of them changed. */
  runEach<P>(command: Command<P>, sets: readonly NoInfer<P>[]): Promise<number>;
  /** Runs after the commit is durable, and never after a rollback. Must not throw. */
  afterCommit(callback: () => void): void;
  /** Seals a row with this commit, for tables whose inserts are not watched. `key`: its primary key as a JSON array. */
  noteRow?(table: string, key: string): void;
  /** In a `writeBeside` transaction that really runs beside others; elsewhere nothing has to be locked. */
  readonly locks?: Locks;
}
/** Locks that a transaction holds to its end. All transactions take them in one order, so none waits in a circle. */
export interface Locks {
  /** Rows, in the order of their ids: agents before meters. */
  rows(table: 'agents' | 'meters', ids: readonly (string | bigint)[]): Promise<void>;
  /** `meters`: beginning new totals, before any row of meters. `events`: the ends of journal and event log, last of all. */
  whole(name: 'meters' | 'events'): Promise<void>;
}
/** A reader of one snapshot, for long reads; it must be closed. `each` reads row by row, and other reads may run in between. */
export type Snapshot = { tx: ReadTx & Each; close: () => Promise<void> };
export interface Each {
  each<P, R>(statement: Statement<P, R>, ...parameters: ParametersOf<NoInfer<P>>): AsyncIterable<R>;
}

export interface Store {
  /**
   * Queues one write job. Jobs run one after another, many to a commit (group commit), each in its own savepoint: a job that throws
   * leaves nothing behind and rejects alone. Resolves after the commit is durable. On PostgreSQL a job runs again after a deadlock,
   * so it changes nothing but the transaction; what follows from it is done after it, or in `afterCommit`.
   */
  write<T>(job: (tx: Tx) => Promise<T>): Promise<T>;
  /**
   * As `write`, but on PostgreSQL the job runs beside such jobs of other servers, and never beside a `write`. It must lock what it
   * reads and changes (`Tx.locks`).
   */
  writeBeside<T>(job: (tx: Tx) => Promise<T>): Promise<T>;
  /**
   * Reads the committed state: all statements of a job see one snapshot. On SQLite jobs run one after another, in memory in turn
   * with write jobs, so a job that waits for another job would wait forever.
   */
  read<T>(job: (tx: ReadTx) => Promise<T>): Promise<T>;
  /** What is committed now, also later. In memory it is no snapshot: there it goes on with the writer. */
  snapshot(): Promise<Snapshot>;
  close(): Promise<void>;
  /** The file, ':memory:', or the URL of a PostgreSQL database without its password. */
  readonly path: string;
}

/** The same methods without the types of rows and parameters, which callers check. */
export type AsyncConnection = {
  get(command: Command<never>, given?: unknown): Promise<unknown>;
  all(command: Command<never>, given?: unknown): Promise<unknown[]>;
  getEach(command: Command<never>, sets: readonly unknown[]): Promise<unknown[]>;
  allEach(command: Command<never>, sets: readonly unknown[]): Promise<unknown[][]>;
  each(command: Command<never>, given?: unknown): AsyncIterable<unknown>;
};
