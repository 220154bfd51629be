import { type Expression, type RawBuilder, sql } from 'kysely';
import { arrayText } from '../postgres/arrayText.ts';
import { asOneValue } from '../slots.ts';
import { type Fragments, type Path, pathOf } from './fragments.ts';

const encode = arrayText;

/** By bytes, as columns are: a text from JSON would have the database's collation. */
const extract = (json: Expression<unknown>, keys: Path): RawBuilder<string | null> =>
  sql`(${json}::json #>> ${sql.lit(`{${pathOf(keys).join(',')}}`)} collate "C")`;

/** A value as JSON has it, without the space that PostgreSQL puts between elements. */
const element = (value: Expression<unknown>): RawBuilder<string> =>
  sql`left(right(json_build_array(${value})::text, -1), -1)`;

export const postgres: Fragments<never> = {
  isAnyOf: (value, list) => sql`${value} = any(${asOneValue(list, encode)})`,
  isNoneOf: (value, list) => sql`${value} <> all(${asOneValue(list, encode)})`,
  rowsOf: (list, alias) =>
    sql<{ value: string }>`unnest(${asOneValue(list, encode)}::text[])`.as<typeof alias>(
      sql`${sql.ref(alias)}(value)`,
    ) as never,
  elementsOf: (json, alias) =>
    sql`lateral (select case json_typeof(e) when 'array' then e::text else e #>> '{}' end as value, case json_typeof(e) when 'string' then 'text' when 'number' then 'integer' else json_typeof(e) end as type from json_array_elements(${json}::json) e)`.as(
      alias,
    ) as never,

  jsonText: (json, ...keys) => extract(json, keys),
  jsonInteger: (json, ...keys) => sql`${extract(json, keys)}::bigint`,
  withJson: (json, key, value) => {
    const name = sql.lit(String(pathOf([key])[0]));
    const members = sql`select key, value::text, n from json_each(${json}::json) with ordinality as e(key, value, n) union all select ${name}, null, null where ${json}::json -> ${name} is null`;
    return sql`(select '{' || string_agg(to_json(m.key)::text || ':' || case m.key when ${name} then (${value})::text else m.value end, ',' order by m.n nulls last) || '}' from (${members}) as m(key, value, n))`;
  },
  jsonList: (...values) => sql`'[' || ${sql.join(values.map(element), sql` || ',' || `)} || ']'`,
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
