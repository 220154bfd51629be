import type { Compilable, DeleteResult, InsertResult, Kysely, Simplify, UpdateResult } from 'kysely';
import { type Compiled, compile } from './compile.ts';
import type { Dialect, Fragments } from './dialects/fragments.ts';
import type { Schema } from './schema/schema.ts';
import type { Parameter, Slots, SqlValue } from './slots.ts';

/** No parameters. */
export type None = Record<never, never>;
/** The parameters as an argument list: none where a statement has none. */
export type ParametersOf<P> = keyof P extends never ? [] : [parameters: P];

declare const taken: unique symbol;
declare const given: unique symbol;

/** A compiled statement that gives no rows: `tx.run`. */
export interface Command<P = None> {
  readonly [taken]: (parameters: P) => void;
  compiled(dialect: Dialect): Compiled;
  /** Built at the call from values. The prepared statement is cached by text, not by object. */
  readonly isDynamic: boolean;
}
/** A compiled statement that gives rows: `tx.get` and `tx.all`. */
export interface Statement<P, R> extends Command<P> {
  readonly [given]: R;
}

/** The row type of a statement: `RowOf<typeof orphanedTransactions>`. */
export type RowOf<T> = T extends Statement<never, infer R> ? R : never;

/** The parameters of a statement, as a caller gives them. */
export type ParametersIn<T> = T extends Command<infer P> ? P : never;

type Built<P, O> = [O] extends [InsertResult | UpdateResult | DeleteResult] ? Command<P> : Statement<P, Simplify<O>>;
type Build<S, P, O> = (db: Kysely<S>, p: Slots<P>, f: Fragments<S>) => Compilable<O>;

class Declared {
  readonly isDynamic: boolean;
  readonly #build: Build<unknown, unknown, unknown>;
  readonly #compiled: Partial<Record<Dialect, Compiled>> = {};

  constructor(build: unknown, isDynamic: boolean) {
    this.#build = build as Build<unknown, unknown, unknown>;
    this.isDynamic = isDynamic;
  }

  compiled(dialect: Dialect): Compiled {
    this.#compiled[dialect] ??= compile(dialect, this.#build, this.isDynamic);
    return this.#compiled[dialect];
  }
}

function declare<B>(build: unknown, isDynamic: boolean): B {
  const declared: unknown = new Declared(build, isDynamic);
  return declared as B;
}

/** `statement` and `query` for a database with other tables. */
export function statementsOf<S>() {
  return {
    /**
     * Declares a statement once: `statement<{ id: string }>()((db, p) => db.selectFrom('agents').selectAll().where('id', '=',
     * p.id))`. It is compiled at its first use. `p` holds the slots of the parameters, `f` the fragments of the dialect. Every
     * other value is a constant and stands in the text, so that partial indexes apply.
     */
    statement:
      <P extends { [K in keyof P]: Parameter } = None>() =>
      <O>(build: Build<S, P, O>): Built<P, O> =>
        declare(build, false),
    /**
     * Builds a query of variable shape at the call. Its values are bound; lists belong into `f.isAnyOf`, so that there are few
     * distinct texts.
     */
    query: <O>(build: (db: Kysely<S>, f: Fragments<S>) => Compilable<O>): Built<None, O> =>
      declare((db: Kysely<S>, _: unknown, f: Fragments<S>) => build(db, f), true),
  };
}

export const { statement, query } = statementsOf<Schema>();

export type { Compiled, SqlValue };
