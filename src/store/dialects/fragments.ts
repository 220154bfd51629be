import type { AliasedExpression, Expression, RawBuilder, SqlBool } from 'kysely';
import { invariant } from '../../core/errors/base.ts';
import type { List } from '../slots.ts';

export type Dialect = 'sqlite' | 'postgres';

type Scalar = string | bigint;
/** The types of list elements that can be compared with a column. */
type Wide<T> = T extends string ? string : T extends bigint ? bigint | number : never;
/** An integer: as it is read, or the `excluded` value of an upsert. */
type Amount = bigint | number | null | undefined;
/** An element of a JSON array. */
export type JsonElement = { value: Scalar; type: 'text' | 'integer' | 'array' | 'object' | 'null' };

/** Expressions that Kysely lacks or that differ between the databases: the third argument of a `statement`. */
export interface Fragments<S> {
  /** Tells whether a value is in a list of any length, which is bound as one value. */
  isAnyOf<T extends Scalar | null>(value: Expression<T>, list: List<Wide<T>>): Expression<SqlBool>;
  isNoneOf<T extends Scalar | null>(value: Expression<T>, list: List<Wide<T>>): Expression<SqlBool>;
  /** A list of texts as a table with one column. */
  rowsOf<A extends string>(list: List<string>, alias: A): AliasedExpression<{ value: string }, A>;
  /** The elements of a JSON array as a table. The array is a parameter, or a column of an earlier table (a cross join). */
  elementsOf<A extends string>(json: Expression<string>, alias: A): AliasedExpression<JsonElement, A>;

  /** A text inside JSON, or null. The path consists of keys and array indexes. */
  jsonText(json: Expression<string | null>, ...path: Path): RawBuilder<string | null>;
  jsonInteger(json: Expression<string | bigint | null>, ...path: Path): RawBuilder<bigint | null>;
  /** The JSON object with one key set to a number. */
  withJson(json: Expression<string>, key: string, value: Expression<bigint | null>): RawBuilder<string>;
  /** A JSON array of texts, integers and nulls, in the canonical form of `JSON.stringify`. */
  jsonList(...values: Expression<string | bigint | null>[]): RawBuilder<string>;
  /** Whether a JSON array of texts contains one. */
  hasText(json: Expression<string | null>, text: string): RawBuilder<SqlBool>;

  /** The larger or smaller of two values, neither of them null. */
  larger(one: Expression<Amount>, other: Expression<Amount>): RawBuilder<bigint>;
  smaller(one: Expression<Amount>, other: Expression<Amount>): RawBuilder<bigint>;
  /** A condition as 1 or 0. */
  flag(condition: Expression<SqlBool>): RawBuilder<bigint>;
  /** An integer as decimal text. */
  asText(value: Expression<bigint | null>): RawBuilder<string>;
  /** A decimal text as an integer. */
  asInteger(text: Expression<string | bigint | null>): RawBuilder<bigint>;
  /** A text with every occurrence of another replaced. */
  replaced(text: Expression<string>, from: string, to: string): RawBuilder<string>;
  /** LIKE without regard to case; `!` escapes. `pattern` is a parameter or a text. */
  isLike(text: Expression<string | null>, pattern: string): RawBuilder<SqlBool>;

  /** Epoch milliseconds by the database's clock, which all servers share; on SQLite by the only server's, which is given. */
  nowMs(serverMs: bigint): RawBuilder<bigint>;

  /** A literal value in the text of a `query`, needed for a partial index. Never a caller's value. */
  constant<T extends Scalar>(value: T): RawBuilder<T>;
  /** A table read by this index, where the database supports such a hint. */
  indexed<T extends keyof S & string>(table: T, index: string): AliasedExpression<S[T], T>;
  /** A column for which no index shall be chosen. */
  unindexed<T>(value: Expression<T>): RawBuilder<T>;
  /** `limit(f.noLimit)`, for an offset alone. */
  readonly noLimit: RawBuilder<bigint>;
}

/** A path inside JSON: keys from the code, and array indexes. */
export type Path = readonly (string | number)[];
export const pathOf = (path: Path): Path => {
  const isPlain = (key: string | number): boolean => typeof key === 'number' || /^\w+$/.test(key);
  invariant(path.length > 0 && path.every(isPlain), 'A JSON path is made of plain keys.');
  return path;
};
