import type Database from 'better-sqlite3';
import type { Dialect } from './dialects/fragments.ts';
import { Slot, type SqlValue } from './slots.ts';
import type { Command } from './statement.ts';

type Prepared = Database.Statement<unknown[]>;
type Parameters = Record<string, unknown>;
/** A statement without parameters. */
const NONE: Parameters = {};
type Run<P, T> = (parameters: P) => T;
type Typed = {
  get: Run<Parameters, unknown>;
  all: Run<Parameters, unknown[]>;
  run: Run<Parameters, Database.RunResult>;
};

export type Connection = {
  get(command: Command<never>, given?: unknown): unknown;
  all(command: Command<never>, given?: unknown): unknown[];
  run(command: Command<never>, given?: unknown): number;
  getEach(command: Command<never>, sets: readonly unknown[]): unknown[];
  allEach(command: Command<never>, sets: readonly unknown[]): unknown[][];
  runEach(command: Command<never>, sets: readonly unknown[]): number;
  each(command: Command<never>, given?: unknown): Iterable<unknown>;
};

/** Runs statements on a database. Each is prepared once and cached by its object, or by its text if it has no object. */
export function connectionOf(database: Database.Database): Connection {
  const texts = new Map<string, Prepared>();
  const typed = new Map<Command<never>, Typed>();

  function preparedOf(sql: string): Prepared {
    let statement = texts.get(sql);
    if (!statement) {
      statement = database.prepare<unknown[]>(sql);
      texts.set(sql, statement);
    }
    return statement;
  }

  function declaredOf(command: Command<never>): Typed {
    const { sql, parameters } = command.compiled('sqlite');
    const statement = database.prepare<unknown[]>(sql);
    const bind = binding(parameters as Slot[]);
    const one: Typed =
      parameters.length === 0
        ? { get: () => statement.get(), all: () => statement.all(), run: () => statement.run() }
        : {
            get: (given) => statement.get(bind(given)),
            all: (given) => statement.all(bind(given)),
            run: (given) => statement.run(bind(given)),
          };
    typed.set(command, one);
    return one;
  }

  /** A command that was built at the call runs with the values that it holds. */
  function dynamicOf(command: Command<never>): Typed {
    const { sql, parameters } = command.compiled('sqlite');
    const statement = preparedOf(sql);
    return {
      get: () => statement.get(...parameters),
      all: () => statement.all(...parameters),
      run: () => statement.run(...parameters),
    };
  }

  const typedOf = (command: Command<never>): Typed =>
    typed.get(command) ?? (command.isDynamic ? dynamicOf(command) : declaredOf(command));

  return {
    get: (command, given) => typedOf(command).get(given as Parameters),
    all: (command, given) => typedOf(command).all(given as Parameters),
    run: (command, given) => typedOf(command).run(given as Parameters).changes,
    getEach: (command, sets) => sets.map(typedOf(command).get as Run<unknown, unknown>),
    allEach: (command, sets) => sets.map(typedOf(command).all as Run<unknown, unknown[]>),
    runEach: (command, sets) => {
      const { run } = typedOf(command);
      let changed = 0;
      for (const given of sets) changed += run(given as Parameters).changes;
      return changed;
    },
    // Prepares a separate statement, because one that is being read row by row cannot be run again meanwhile.
    each: (command, given) => {
      const { sql, values } = textAndValues(command, given);
      return database.prepare<unknown[]>(sql).iterate(...values);
    },
  };
}

/** The values that the slots name, in one array that is used again at each call: better-sqlite3 copies it before it returns. */
function binding(slots: readonly Slot[]): (given: Parameters) => unknown[] {
  const values = new Array<unknown>(slots.length).fill(null);
  return (given) => {
    for (let index = 0; index < slots.length; index += 1) values[index] = read(slots[index] as Slot, given);
    return values;
  };
}

function read({ name, encode }: Slot, given: Parameters): unknown {
  const value = given[name];
  // SQLite would bind undefined as null.
  if (value === undefined) throw new TypeError(`The parameter ${name} is missing.`);
  return encode === null ? value : encode(value as readonly string[]);
}

/** The text of a statement and the values that a call binds, in order. */
export function textAndValues(
  command: Command<never>,
  given: unknown = NONE,
  dialect: Dialect = 'sqlite',
): { sql: string; values: SqlValue[] } {
  const { sql, parameters } = command.compiled(dialect);
  const values = parameters.map((one) => (one instanceof Slot ? read(one, given as Parameters) : one) as SqlValue);
  return { sql, values };
}
