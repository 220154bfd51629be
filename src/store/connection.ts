import type Database from 'better-sqlite3';
import { invariant } from '../core/errors/base.ts';
import { changesFacts } from './memory.ts';
import type { Slot, SqlValue } from './slots.ts';
import type { Command, Compiled } from './statement.ts';

type Prepared = Database.Statement<unknown[]>;
/** `forgets`: whether it may change what remembered facts were read from. */
type Text = { statement: Prepared; isReading: boolean; forgets: boolean };
type Typed = Text & {
  slots: readonly Slot[];
  /** Filled at each run; a statement is bound before it runs, so one array serves all runs. */
  values: unknown[];
};
/** Called before a statement that may write, whether it is run, got or listed. */
type OnWrite = (forgets: boolean) => void;

export type Connection = {
  get(first: string | Command<never>, rest: readonly unknown[]): unknown;
  all(first: string | Command<never>, rest: readonly unknown[]): unknown[];
  run(first: string | Command<never>, rest: readonly unknown[]): number;
  each(first: string | Command<never>, rest: readonly unknown[]): Iterable<unknown>;
};

/** Runs statements on a database: each is prepared once, known by its object, or by its text where it has no object. */
export function connectionOf(database: Database.Database, onWrite: OnWrite | null): Connection {
  const texts = new Map<string, Text>();
  const typed = new Map<Command<never>, Typed>();

  function textOf(sql: string, compiled?: Compiled): Text {
    let text = texts.get(sql);
    if (!text) {
      const statement = database.prepare<unknown[]>(sql);
      text = { statement, isReading: statement.readonly, forgets: changesFacts(compiled?.change ?? sql) };
      texts.set(sql, text);
    }
    if (!text.isReading) onWrite?.(text.forgets);
    return text;
  }

  function declaredOf(command: Command<never>): Typed {
    const compiled = command.compiled('sqlite');
    const statement = database.prepare<unknown[]>(compiled.sql);
    invariant(statement.readonly === (compiled.change === null), 'A statement writes what its tree says.');
    const slots = compiled.parameters as Slot[];
    const forgets = compiled.change !== null && changesFacts(compiled.change);
    const one = { statement, isReading: statement.readonly, forgets, slots, values: slots.map(() => null) };
    typed.set(command, one);
    return one;
  }

  /** The statement, with the parameters in `values`. */
  function bound(
    command: Command<never>,
    parameters: Record<string, unknown>,
  ): { statement: Prepared; values: unknown[] } {
    if (command.isDynamic) {
      const compiled = command.compiled('sqlite');
      return { statement: textOf(compiled.sql, compiled).statement, values: compiled.parameters as unknown[] };
    }
    const one = typed.get(command) ?? declaredOf(command);
    if (!one.isReading) onWrite?.(one.forgets);
    const { slots, values } = one;
    for (let index = 0; index < slots.length; index += 1) {
      const { name, encode } = slots[index] as Slot;
      const value = parameters[name];
      // SQLite would take it for null.
      if (value === undefined) throw new TypeError(`The parameter ${name} is missing.`);
      values[index] = encode === null ? value : encode(value as readonly string[]);
    }
    return one;
  }

  return {
    get: (first, rest) => {
      if (typeof first === 'string') return textOf(first).statement.get(...rest);
      const { statement, values } = bound(first, rest[0] as Record<string, unknown>);
      return statement.get(values);
    },
    all: (first, rest) => {
      if (typeof first === 'string') return textOf(first).statement.all(...rest);
      const { statement, values } = bound(first, rest[0] as Record<string, unknown>);
      return statement.all(values);
    },
    run: (first, rest) => {
      if (typeof first === 'string') return textOf(first).statement.run(...rest).changes;
      const { statement, values } = bound(first, rest[0] as Record<string, unknown>);
      return statement.run(values).changes;
    },
    // A statement of its own: one that is being read row by row cannot be run again meanwhile.
    each: (first, rest) => {
      if (typeof first === 'string') return database.prepare<unknown[]>(first).iterate(...rest);
      const { values } = bound(first, rest[0] as Record<string, unknown>);
      return database.prepare<unknown[]>(first.compiled('sqlite').sql).iterate([...values]);
    },
  };
}

/** What a value may be; checked by types where a statement is used. */
export type { SqlValue };
