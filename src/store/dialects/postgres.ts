import { type Expression, type RawBuilder, sql } from 'kysely';
import { asOneValue } from '../slots.ts';
import { type Fragments, type Path, pathOf } from './fragments.ts';

/** The driver binds an array as one value. */
const encode = (list: readonly unknown[]): readonly unknown[] => list;

const extract = (json: Expression<unknown>, keys: Path): RawBuilder<string | null> =>
  sql`(${json}::jsonb #>> ${sql.lit(`{${pathOf(keys).join(',')}}`)})`;

export const postgres: Fragments<never> = {
  isAnyOf: (value, list) => sql`${value} = any(${asOneValue(list, encode)})`,
  isNoneOf: (value, list) => sql`${value} <> all(${asOneValue(list, encode)})`,
  rowsOf: (list, alias) =>
    sql<{ value: string }>`unnest(${asOneValue(list, encode)}::text[])`.as<typeof alias>(
      sql`${sql.ref(alias)}(value)`,
    ) as never,
  elementsOf: (json, alias) =>
    sql`lateral (select case jsonb_typeof(e) when 'array' then replace(e::text, ', ', ',') else e #>> '{}' end as value, case jsonb_typeof(e) when 'string' then 'text' when 'number' then 'integer' else jsonb_typeof(e) end as type from jsonb_array_elements(${json}::jsonb) e)`.as(
      alias,
    ) as never,

  jsonText: (json, ...keys) => extract(json, keys),
  jsonInteger: (json, ...keys) => sql`${extract(json, keys)}::bigint`,
  withJson: (json, key, value) =>
    sql`jsonb_set(${json}::jsonb, ${sql.lit(`{${pathOf([key]).join()}}`)}, to_jsonb(${value}))::text`,
  jsonList: (...values) => sql`replace(jsonb_build_array(${sql.join(values)})::text, ', ', ',')`,
  hasText: (json, text) => sql`jsonb_exists(${json}::jsonb, ${text})`,

  larger: (one, other) => sql`greatest(${one}, ${other})`,
  smaller: (one, other) => sql`least(${one}, ${other})`,
  flag: (condition) => sql`(${condition})::int`,
  asText: (value) => sql`${value}::text`,
  asInteger: (text) => sql`${text}::bigint`,
  replaced: (text, from, to) => sql`replace(${text}, ${from}, ${to})`,
  isLike: (text, pattern) => sql`${text} ilike ${pattern} escape '!'`,

  // Not `now()`, which is the time at which the transaction began: it may have waited for a lock since.
  nowMs: () => sql`(extract(epoch from clock_timestamp()) * 1000)::bigint`,

  constant: (value) => sql.lit(value),
  indexed: (table) => sql.table(table).as(table) as never,
  unindexed: (value) => sql`${value}`,
  noLimit: sql`all`,
};
