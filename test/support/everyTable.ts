import { sha256 } from '../../src/core/ids/digest.ts';
import { mapInOrder } from '../../src/core/inOrder.ts';
import { type AnyRow, everyRow, tablesOf } from '../../src/store/rows.ts';
import type { SqlValue, Store } from '../../src/store/store.ts';

/** Tables that change without a caller, because the server follows the chain and signs the log. */
const moving = 'allow_list_seen blocks chain_checked leases log_tiles transaction_attempts transactions watched'.split(
  ' ',
);
/** Events of refusals; and of seals, whose rows are compared themselves. */
const refusals: SqlValue[] = ['payment.refused', 'session.refused', 'credential.refused', 'rows.sealed'];
/** Workers note their progress in settings that end with `cursor`. */
const isCompared = (table: string, row: AnyRow): boolean =>
  table === 'events' ? !refusals.includes(row.type ?? null) : table !== 'settings' || !/cursor$/.test(String(row.name));

/** A hash of every table's rows; of events, those that are no refusals. */
export const everyTable = (store: Store): Promise<Record<string, string>> =>
  store.read(async (tx) => {
    const asText = (_: string, value: unknown) => (typeof value === 'bigint' ? String(value) : value);
    const hashOf = async (table: string): Promise<string> =>
      sha256(
        JSON.stringify(
          (await tx.all(everyRow(table))).filter((row) => isCompared(table, row)),
          asText,
        ),
      );
    const compared = (await tablesOf(tx)).filter((table) => !moving.includes(table));
    return Object.fromEntries(await mapInOrder(compared, async (table) => [table, await hashOf(table)]));
  });
