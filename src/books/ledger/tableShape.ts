import { columnsOf } from '../../store/rows.ts';
import type { ReadTx } from '../../store/store.ts';

export type TableShape = {
  table: string;
  /** The columns that a seal covers, in order. */
  sealed: readonly string[];
  /** The primary key's columns, in its order. */
  keys: readonly string[];
};

export async function shapeOf(tx: ReadTx, table: string, without: readonly string[]): Promise<TableShape> {
  const { columns, keys } = await columnsOf(tx, table);
  return { table, keys, sealed: columns.toSorted().filter((name) => !without.includes(name)) };
}
