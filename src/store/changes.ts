import type Database from 'better-sqlite3';

/** A row that a commit has inserted, changed or deleted. `key`: the values of its primary key as a JSON array. */
export type ChangedRow = { table: string; key: string };

/** A value that a column must have. Constants of the code, never a caller's. */
export type RowCondition = { column: string } & ({ is: string } | { isNot: string } | { endsWith: string });

/** The condition in SQL, on `NEW.`, `OLD.` or a row of the query. */
export function conditionOn(row: 'NEW.' | 'OLD.' | '', condition: RowCondition): string {
  const column = `${row}${condition.column}`;
  const text = (value: string): string => `'${value.replaceAll("'", "''")}'`;
  if ('is' in condition) return `${column} = ${text(condition.is)}`;
  if ('isNot' in condition) return `${column} <> ${text(condition.isNot)}`;
  return `${column} LIKE ${text(`%${condition.endsWith}`)}`;
}

/** How changes in one table are recorded. */
export type TableWatch = {
  /** Which inserted rows are recorded, or none. Default: all. */
  inserts?: RowCondition | false;
  /** Columns whose change alone is not recorded. */
  without?: readonly string[];
  /** Rows that are never recorded. */
  except?: RowCondition;
};

/** Records which rows change; called inside the transaction, before each commit. */
export interface Sealing<T> {
  /** Null: the table is not watched. */
  watch(table: string): TableWatch | null;
  seal(tx: T, rows: readonly ChangedRow[]): Promise<void>;
}

type Column = { name: string; pk: bigint };

/** Lists the tables of the schema, ordered by name, without SQLite's own and those of Kysely's migrations. */
export const TABLES =
  "SELECT name FROM main.sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name NOT LIKE 'kysely_%' ORDER BY name";

/**
 * Temporary triggers, of this connection only, that write the keys of changed rows to a temporary table. That table takes part in
 * savepoints and rollbacks, so the changes of a job that failed are not recorded.
 */
export function noteChanges(
  writer: Database.Database,
  watch: Sealing<never>['watch'],
): { note: (table: string, key: string) => void; take: () => Promise<ChangedRow[]> } {
  writer.exec('CREATE TEMP TABLE changed_rows (tbl TEXT NOT NULL, key TEXT NOT NULL)');
  for (const { name: table } of writer.prepare<[], { name: string }>(TABLES).all()) {
    const watched = watch(table);
    if (watched) for (const sql of triggersOf(writer, table, watched)) writer.exec(sql);
  }
  const insert = writer.prepare<[string, string]>('INSERT INTO temp.changed_rows (tbl, key) VALUES (?, ?)');
  const any = writer.prepare('SELECT 1 FROM temp.changed_rows LIMIT 1').pluck();
  const list = writer.prepare<[], ChangedRow>(
    'SELECT DISTINCT tbl AS "table", key FROM temp.changed_rows ORDER BY tbl, key',
  );
  const clear = writer.prepare('DELETE FROM temp.changed_rows');
  return {
    note: (table, key) => {
      insert.run(table, key);
    },
    take: async () => {
      if (any.get() === undefined) return [];
      const rows = list.all();
      clear.run();
      return rows;
    },
  };
}

function triggersOf(writer: Database.Database, table: string, { inserts, without = [], except }: TableWatch): string[] {
  const columns = writer.prepare<[string], Column>('SELECT name, pk FROM pragma_table_info(?)').all(table);
  const keys = columns.filter(({ pk }) => pk > 0n).sort((a, b) => Number(a.pk - b.pk));
  const key = (row: 'OLD' | 'NEW'): string => `json_array(${keys.map(({ name }) => `${row}.${name}`).join(', ')})`;
  const when = (row: 'OLD' | 'NEW', more?: string): string => {
    const conditions = [more, except && `NOT (${conditionOn(`${row}.`, except)})`].filter(Boolean);
    return conditions.length > 0 ? ` WHEN ${conditions.join(' AND ')}` : '';
  };
  const note = (row: 'OLD' | 'NEW'): string => `INSERT INTO changed_rows (tbl, key) VALUES ('${table}', ${key(row)});`;
  const changing = columns.map(({ name }) => name).filter((name) => !without.includes(name));
  const begin = (name: string, act: string): string =>
    `CREATE TEMP TRIGGER noted_${table}_${name} AFTER ${act} ON main.${table}`;
  const isKeyChanged = keys.map(({ name }) => `OLD.${name} IS NOT NEW.${name}`).join(' OR ');
  return [
    ...(inserts === false
      ? []
      : [
          `${begin('insert', 'INSERT')}${when('NEW', inserts && conditionOn('NEW.', inserts))} BEGIN ${note('NEW')} END`,
        ]),
    `${begin('update', `UPDATE OF ${changing.join(', ')}`)}${when('NEW')} BEGIN ${note('NEW')} END`,
    // Only statements that set a key can move a row, so the many others need no such trigger.
    `${begin('move', `UPDATE OF ${keys.map(({ name }) => name).join(', ')}`)}${when('OLD', `(${isKeyChanged})`)} BEGIN ${note('OLD')} END`,
    `${begin('delete', 'DELETE')}${when('OLD')} BEGIN ${note('OLD')} END`,
  ];
}
