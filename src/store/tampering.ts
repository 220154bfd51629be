import { openRawFile } from './rawFile.ts';
import type { Command, None } from './statement.ts';
import type { ReadTx, Tx } from './store.ts';
import { text } from './text.ts';

type WriterTx = ReadTx & Pick<Tx, 'run'>;
type Named = { name: string };

/** For tests: removes the triggers that protect append-only tables. */
export async function dropGuards(tx: WriterTx): Promise<void> {
  const guards = text<Named>(
    "SELECT name FROM sqlite_schema WHERE type = 'trigger' AND name LIKE '%\\_append\\_only\\_%' ESCAPE '\\'",
  );
  for (const { name } of await tx.all(guards)) await tx.run(text(`DROP TRIGGER "${name}"`));
}

/** For tests: removes all indexes except those of keys, so that duplicates can be written. */
export async function dropIndexes(tx: WriterTx): Promise<void> {
  const indexes = text<Named>("SELECT name FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL");
  for (const { name } of await tx.all(indexes)) await tx.run(text(`DROP INDEX "${name}"`));
}

/** For tests: runs a function while the checks of columns are off. */
export async function withoutChecks(tx: WriterTx, act: () => Promise<unknown>): Promise<void> {
  await tx.run(text('PRAGMA ignore_check_constraints = ON'));
  await act();
  await tx.run(text('PRAGMA ignore_check_constraints = OFF'));
}

/** The description of a column that a test needs to write a row of any table. */
export type ColumnShape = {
  name: string;
  isInteger: boolean;
  isKey: boolean;
  /** Tells whether the column is part of a unique index. */
  isUnique: boolean;
  /** The table and column of its foreign key. */
  parent: { table: string; column: string } | null;
};

export async function shapeOf(tx: ReadTx, table: string): Promise<ColumnShape[]> {
  const unique = await tx.all(
    text<Named>('SELECT c.name FROM pragma_index_list(?) i, pragma_index_info(i.name) c WHERE i."unique" = 1', table),
  );
  const parents = await tx.all(
    text<{ from: string; table: string; to: string }>(
      'SELECT "from", "table", "to" FROM pragma_foreign_key_list(?)',
      table,
    ),
  );
  return (
    await tx.all(text<Named & { type: string; pk: bigint }>('SELECT name, type, pk FROM pragma_table_info(?)', table))
  ).map(({ name, type, pk }) => {
    const parent = parents.find(({ from }) => from === name);
    return {
      name,
      isInteger: type === 'INTEGER',
      isKey: pk > 0n,
      isUnique: unique.some((each) => each.name === name),
      parent: parent ? { table: parent.table, column: parent.to } : null,
    };
  });
}

/** For tests: changes the file of a closed store as an attacker with write access could, regardless of triggers and constraints. */
export async function tamperWith(path: string, commands: readonly Command<None>[]): Promise<void> {
  const file = openRawFile(path);
  try {
    await dropGuards(file.tx);
    await withoutChecks(file.tx, async () => {
      for (const command of commands) await file.tx.run(command);
    });
  } finally {
    file.close();
  }
}
