import { type AliasedExpression, AliasNode, type Expression, type RawBuilder, sql, TableNode } from 'kysely';
import { asOneValue } from '../slots.ts';
import { type Fragments, type Path, pathOf } from './fragments.ts';

/** A list as a JSON array, the one value that `json_each` reads. A bigint keeps all its digits. */
const encode = (list: readonly unknown[]): string =>
  `[${list.map((value) => (typeof value === 'bigint' ? String(value) : JSON.stringify(value))).join(',')}]`;

const path = (keys: Path): RawBuilder<string> =>
  sql.lit(
    `$${pathOf(keys)
      .map((key) => (typeof key === 'number' ? `[${key}]` : `.${key}`))
      .join('')}`,
  );
const extract = <T>(json: Expression<unknown>, keys: Path): RawBuilder<T> =>
  sql<T>`json_extract(${json}, ${path(keys)})`;

/** SQLite accepts the hint only after the alias: `"t" as t indexed by i`. */
function indexed<S, T extends keyof S & string>(table: T, index: string): AliasedExpression<S[T], T> {
  const hint = sql`${sql.ref(table)} indexed by ${sql.ref(index)}`;
  return {
    get expression(): never {
      throw new Error('The hint has no expression of its own.');
    },
    get alias() {
      return table;
    },
    toOperationNode: () => AliasNode.create(TableNode.create(table), hint.toOperationNode()),
  } as AliasedExpression<S[T], T>;
}

export const sqlite: Fragments<never> = {
  isAnyOf: (value, list) => sql`${value} in (select value from json_each(${asOneValue(list, encode)}))`,
  isNoneOf: (value, list) => sql`${value} not in (select value from json_each(${asOneValue(list, encode)}))`,
  rowsOf: (list, alias) => sql<{ value: string }>`json_each(${asOneValue(list, encode)})`.as(alias),
  elementsOf: (json, alias) => sql`json_each(${json})`.as(alias) as never,

  jsonText: (json, ...keys) => extract(json, keys),
  jsonInteger: (json, ...keys) => extract(json, keys),
  withJson: (json, key, value) => sql`json_set(${json}, ${path([key])}, ${value})`,
  jsonList: (...values) => sql`json_array(${sql.join(values)})`,
  hasText: (json, text) => sql`exists (select 1 from json_each(${json}) where value = ${text})`,

  larger: (one, other) => sql`max(${one}, ${other})`,
  smaller: (one, other) => sql`min(${one}, ${other})`,
  flag: (condition) => sql`(${condition})`,
  asText: (value) => sql`cast(${value} as text)`,
  asInteger: (text) => sql`cast(${text} as integer)`,
  replaced: (text, from, to) => sql`replace(${text}, ${from}, ${to})`,
  isLike: (text, pattern) => sql`${text} like ${pattern} escape '!'`,

  nowMs: (serverMs) => sql`cast(${serverMs} as integer)`,

  constant: (value) => sql.lit(value),
  indexed,
  unindexed: (value) => sql`+${value}`,
  noLimit: sql`-1`,
};
