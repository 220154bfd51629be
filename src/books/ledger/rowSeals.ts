import { flatMapInOrder } from '../../core/inOrder.ts';
import type { Sealing } from '../../store/changes.ts';
import { migrations } from '../../store/migrations/index.ts';
import { rowsOfKeys } from '../../store/rows.ts';
import { openStore, type ReadTx, type Store, type Tx } from '../../store/store.ts';
import { appendEvent } from './events.ts';
import { timeOfLastEvent } from './queries.ts';
import { columnMarks, rowDigest } from './rowDigest.ts';
import { watchOf } from './sealedTables.ts';
import { shapeOf, type TableShape } from './tableShape.ts';

/** An element of `data.rows` in a `rows.sealed` event: table, key, and digest and marks of the row, or that it was deleted. */
export type Seal =
  | readonly [table: string, key: string, digest: string, marks: string]
  | readonly [string, string, null];

/** The number of rows that one event seals; a large commit has several events. */
const ROWS_PER_EVENT = 200;

/**
 * Opens the books: a store in which each commit ends with an event that holds the digests of the changed rows. So every table can
 * be compared with a hash that the event log, and each anchor of it, covers.
 */
export async function openBooks(path: string): Promise<Store> {
  return await openStore(path, migrations, rowSealing());
}

export function rowSealing(): Sealing<Tx> {
  const shapes = new Map<string, TableShape>();
  return {
    watch: watchOf,
    seal: async (tx, rows) => {
      const byTable = new Map<string, string[]>();
      for (const { table, key } of rows) {
        const keys = byTable.get(table);
        if (keys) keys.push(key);
        else byTable.set(table, [key]);
      }
      const seals = await flatMapInOrder(byTable, ([table, keys]) => sealsOf(tx, table, keys, shapes));
      const atMs = Number((await tx.get(timeOfLastEvent))?.at ?? 0n);
      for (let start = 0; start < seals.length; start += ROWS_PER_EVENT) {
        const data = { rows: seals.slice(start, start + ROWS_PER_EVENT) };
        await appendEvent(tx, { type: 'rows.sealed', actor: 'bursar', data }, atMs);
      }
    },
  };
}

async function sealsOf(
  tx: ReadTx,
  table: string,
  keys: readonly string[],
  shapes: Map<string, TableShape>,
): Promise<Seal[]> {
  let shape = shapes.get(table);
  if (!shape) {
    shape = await shapeOf(tx, table, watchOf(table)?.without ?? []);
    shapes.set(table, shape);
  }
  const { sealed } = shape;
  const rows = await rowsOfKeys(tx, table, shape.keys, keys);
  return keys.map((key, index): Seal => {
    const row = rows[index];
    return row ? [table, key, rowDigest(table, row, sealed), columnMarks(row, sealed)] : [table, key, null];
  });
}
