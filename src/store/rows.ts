import { conditionOn, type RowCondition, TABLES } from './changes.ts';
import { type None, query, type Statement } from './statement.ts';
import type { ReadTx, Snapshot, SqlValue } from './store.ts';

/** A row of any table. */
export type AnyRow = Record<string, SqlValue>;
/** The columns of a table in their order, and of its primary key in its own. */
export type TableColumns = { columns: readonly string[]; keys: readonly string[] };

/** Tables of the schema, in order of their names. */
export const tablesOf = (tx: ReadTx): string[] => tx.all<{ name: string }>(TABLES).map(({ name }) => name);

export function columnsOf(tx: ReadTx, table: string): TableColumns {
  const columns = tx.all<{ name: string; pk: bigint }>('SELECT name, pk FROM pragma_table_info(?)', table);
  const keys = columns.filter(({ pk }) => pk > 0n).sort((a, b) => Number(a.pk - b.pk));
  return { columns: columns.map(({ name }) => name), keys: keys.map(({ name }) => name) };
}

/** All rows of a table of the schema. */
export const everyRow = (table: string): Statement<None, AnyRow> =>
  query((db) => db.selectFrom(table as 'events').selectAll());

const byKey = new Map<string, string>();

/** The row of a table whose primary key, as a JSON array, is `key`. */
export function rowOfKey(tx: ReadTx, table: string, keys: readonly string[], key: string): AnyRow | undefined {
  let text = byKey.get(table);
  if (text === undefined) {
    const where = keys.map((name, index) => `"${name}" = json_extract(?, '$[${index}]')`).join(' AND ');
    text = `SELECT * FROM "${table}" WHERE ${where}`;
    byKey.set(table, text);
  }
  return tx.get<AnyRow>(text, ...keys.map(() => key));
}

/** All rows of a table but those of the condition, each with its primary key as a JSON array in `row_key`. */
export function rowsWithKeys(
  tx: Snapshot['tx'],
  table: string,
  keys: readonly string[],
  except: RowCondition | undefined,
): Iterable<AnyRow & { row_key: string }> {
  const where = except ? ` WHERE NOT (${conditionOn('', except)})` : '';
  return tx.each(
    `SELECT json_array(${keys.map((name) => `"${name}"`).join(', ')}) AS row_key, * FROM "${table}"${where}`,
  );
}
