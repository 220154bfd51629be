/** Tables of the schema in order of their names, without those of Kysely's migrations. */
export const TABLES =
  "SELECT relname::text AS name FROM pg_class WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace AND relname NOT LIKE 'kysely\\_%' ORDER BY relname::text COLLATE \"C\"";

/** Columns of a table in their order. pk: the place in the primary key from 1 on, or 0. */
export const COLUMNS =
  'SELECT a.attname::text AS name, coalesce(array_position(i.indkey::int2[], a.attnum) + 1, 0)::int AS pk FROM pg_attribute a LEFT JOIN pg_index i ON i.indrelid = a.attrelid AND i.indisprimary WHERE a.attrelid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum';

/** The values of a primary key as a JSON array, in the form that SQLite and `JSON.stringify` give it. */
export const keyOf = (columns: readonly string[]): string =>
  `'[' || ${columns.map((name) => `to_json(${name})::text`).join(" || ',' || ")} || ']'`;
