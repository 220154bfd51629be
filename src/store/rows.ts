import { conditionOn, type RowCondition, TABLES } from './changes.ts';
import { COLUMNS, keyOf, TABLES as TABLES_ON_POSTGRES } from './postgres/catalogue.ts';
import type { SqlValue } from './slots.ts';
import { type Command, type None, query, type Statement, statement } from './statement.ts';
import type { ReadTx, Snapshot } from './store.ts';
import { type AnyRow, text } from './text.ts';

export type { AnyRow };
/** The columns of a table in their order, and of its primary key in its own. */
export type TableColumns = { columns: readonly string[]; keys: readonly string[] };

const everyTable = text<{ name: string }>({ sqlite: TABLES, postgres: TABLES_ON_POSTGRES });
/** Tables of the schema, in order of their names. */
export const tablesOf = async (tx: ReadTx): Promise<string[]> => (await tx.all(everyTable)).map(({ name }) => name);

export async function columnsOf(tx: ReadTx, table: string): Promise<TableColumns> {
  const sqlite = 'SELECT name, pk FROM pragma_table_info(?)';
  const columns = await tx.all(text<{ name: string; pk: bigint }>({ sqlite, postgres: COLUMNS }, table));
  const keys = columns.filter(({ pk }) => pk > 0n).sort((a, b) => Number(a.pk - b.pk));
  return { columns: columns.map(({ name }) => name), keys: keys.map(({ name }) => name) };
}

/** All rows of a table of the schema. */
export const everyRow = (table: string): Statement<None, AnyRow> =>
  query((db) => db.selectFrom(table as 'events').selectAll());

const inserts = new Map<string, Command<AnyRow>>();
/** Inserts a row with these columns into a table of the schema. */
export function insertInto(table: string, columns: readonly string[]): Command<AnyRow> {
  const key = [table, ...columns].join(' ');
  let command = inserts.get(key);
  if (!command) {
    command = statement<AnyRow>()((db, p) => {
      const row: unknown = Object.fromEntries(columns.map((name) => [name, p[name]]));
      return db.insertInto(table as 'settings').values(row as { name: string; value: string });
    });
    inserts.set(key, command);
  }
  return command;
}

const byKey = new Map<string, Statement<AnyRow, AnyRow>>();

/** The rows of a table with these primary keys, each a JSON array, in their order; undefined where there is none. */
export async function rowsOfKeys(
  tx: ReadTx,
  table: string,
  columns: readonly string[],
  keys: readonly string[],
): Promise<(AnyRow | undefined)[]> {
  let found = byKey.get(table);
  if (!found) {
    const made: unknown = statement<AnyRow>()((db, p) =>
      db
        .selectFrom(table as 'settings')
        .selectAll()
        .where((eb) => eb.and(columns.map((name) => eb(name as 'name', '=', p[name] as string)))),
    );
    found = made as Statement<AnyRow, AnyRow>;
    byKey.set(table, found);
  }
  return await tx.getEach(
    found,
    keys.map((key) => valuesOf(columns, key)),
  );
}

function valuesOf(columns: readonly string[], key: string): AnyRow {
  const values = JSON.parse(key) as (string | number)[];
  return Object.fromEntries(columns.map((name, index) => [name, exact(values[index])]));
}

/** Keys are texts and safe integers. */
const exact = (value: string | number | undefined): SqlValue =>
  typeof value === 'number' ? BigInt(value) : (value ?? null);

/** All rows of a table except those of the condition, each with its primary key as a JSON array in `row_key`. */
export function rowsWithKeys(
  tx: Snapshot['tx'],
  table: string,
  keys: readonly string[],
  except: RowCondition | undefined,
): AsyncIterable<AnyRow & { row_key: string }> {
  const where = except ? ` WHERE NOT (${conditionOn('', except)})` : '';
  const names = keys.map((name) => `"${name}"`);
  const from = `AS row_key, * FROM "${table}"${where}`;
  const sqlite = `SELECT json_array(${names.join(', ')}) ${from}`;
  return tx.each(text<AnyRow & { row_key: string }>({ sqlite, postgres: `SELECT ${keyOf(names)} ${from}` }));
}
