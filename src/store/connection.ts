import type Database from 'better-sqlite3';
import { Slot, type SqlValue } from './slots.ts';
import type { Command } from './statement.ts';

type Prepared = Database.Statement<unknown[]>;
type Parameters = Record<string, unknown>;
/** A statement without parameters. */
const NONE: Parameters = {};
type Run<T> = (parameters: Parameters) => T;
type Typed = { get: Run<unknown>; all: Run<unknown[]>; run: Run<Database.RunResult> };

export type Connection = {
  get(command: Command<never>, given?: unknown): unknown;
  all(command: Command<never>, given?: unknown): unknown[];
  run(command: Command<never>, given?: unknown): number;
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
    const slots = parameters as Slot[];
    const one = {
      get: withSlots(slots, statement.get.bind(statement)),
      all: withSlots(slots, statement.all.bind(statement)),
      run: withSlots(slots, statement.run.bind(statement)),
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
    // Prepares a separate statement, because one that is being read row by row cannot be run again meanwhile.
    each: (command, given) => {
      const { sql, values } = textAndValues(command, given);
      return database.prepare<unknown[]>(sql).iterate(...values);
    },
  };
}

/**
 * Calls with the values that the slots name. The common counts are written out, because a spread costs a tenth of a small
 * statement.
 */
function withSlots<T>(slots: readonly Slot[], call: (...values: unknown[]) => T): Run<T> {
  const [a, b, c, d] = slots as [Slot, Slot, Slot, Slot];
  switch (slots.length) {
    case 0:
      return () => call();
    case 1:
      return (given) => call(read(a, given));
    case 2:
      return (given) => call(read(a, given), read(b, given));
    case 3:
      return (given) => call(read(a, given), read(b, given), read(c, given));
    case 4:
      return (given) => call(read(a, given), read(b, given), read(c, given), read(d, given));
    default:
      return (given) => call(...slots.map((slot) => read(slot, given)));
  }
}

function read({ name, encode }: Slot, given: Parameters): unknown {
  const value = given[name];
  // SQLite would bind undefined as null.
  if (value === undefined) throw new TypeError(`The parameter ${name} is missing.`);
  return encode === null ? value : encode(value as readonly string[]);
}

/** The text of a statement and the values that a call binds, in order. */
export function textAndValues(command: Command<never>, given: unknown = NONE): { sql: string; values: SqlValue[] } {
  const { sql, parameters } = command.compiled('sqlite');
  const values = parameters.map((one) => (one instanceof Slot ? read(one, given as Parameters) : one) as SqlValue);
  return { sql, values };
}
