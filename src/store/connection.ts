import type Database from 'better-sqlite3';
import { Slot, type SqlValue } from './slots.ts';
import type { Command } from './statement.ts';

type Prepared = Database.Statement<unknown[]>;
type Parameters = Record<string, unknown>;
type Run<T> = (parameters: Parameters) => T;
type Typed = { get: Run<unknown>; all: Run<unknown[]>; run: Run<Database.RunResult> };

export type Connection = {
  get(first: string | Command<never>, ...rest: unknown[]): unknown;
  all(first: string | Command<never>, ...rest: unknown[]): unknown[];
  run(first: string | Command<never>, ...rest: unknown[]): number;
  each(first: string | Command<never>, ...rest: unknown[]): Iterable<unknown>;
};

/** Runs statements on a database. Each is prepared once and cached by its object, or by its text if it has no object. */
export function connectionOf(database: Database.Database): Connection {
  const texts = new Map<string, Prepared>();
  const typed = new Map<Command<never>, Typed>();

  function textOf(sql: string): Prepared {
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

  /** Null for SQL text, and for a query that was built at the call. */
  function typedOf(first: string | Command<never>): Typed | null {
    if (typeof first === 'string') return null;
    return typed.get(first) ?? (first.isDynamic ? null : declaredOf(first));
  }

  function untyped(first: string | Command<never>, rest: readonly unknown[]): [Prepared, readonly unknown[]] {
    if (typeof first === 'string') return [textOf(first), rest];
    const { sql, parameters } = first.compiled('sqlite');
    return [textOf(sql), parameters];
  }

  return {
    get: (first, ...rest) => {
      const one = typedOf(first);
      if (one) return one.get(rest[0] as Parameters);
      const [statement, values] = untyped(first, rest);
      return statement.get(...values);
    },
    all: (first, ...rest) => {
      const one = typedOf(first);
      if (one) return one.all(rest[0] as Parameters);
      const [statement, values] = untyped(first, rest);
      return statement.all(...values);
    },
    run: (first, ...rest) => {
      const one = typedOf(first);
      if (one) return one.run(rest[0] as Parameters).changes;
      const [statement, values] = untyped(first, rest);
      return statement.run(...values).changes;
    },
    // Prepares a separate statement, because one that is being read row by row cannot be run again meanwhile.
    each: (first, ...rest) => {
      const { sql, values } = textAndValues(first, rest);
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
export function textAndValues(
  first: string | Command<never>,
  rest: readonly unknown[],
): { sql: string; values: SqlValue[] } {
  if (typeof first === 'string') return { sql: first, values: rest as SqlValue[] };
  const { sql, parameters } = first.compiled('sqlite');
  const given = (rest[0] ?? {}) as Parameters;
  const values = parameters.map((one) => (one instanceof Slot ? read(one, given) : one) as SqlValue);
  return { sql, values };
}
