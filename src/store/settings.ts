import { statement } from './statement.ts';
import type { ReadTx, Tx } from './store.ts';

const byName = statement<{ name: string }>()((db, p) =>
  db.selectFrom('settings').select('value').where('name', '=', p.name),
);
const put = statement<{ name: string; value: string }>()((db, p) =>
  db
    .insertInto('settings')
    .values({ name: p.name, value: p.value })
    .onConflict((conflict) => conflict.column('name').doUpdateSet((eb) => ({ value: eb.ref('excluded.value') }))),
);
const remove = statement<{ name: string }>()((db, p) => db.deleteFrom('settings').where('name', '=', p.name));

/** A value that the server stores under a name. */
export const settingOf = (tx: ReadTx, name: string): string | undefined => tx.get(byName, { name })?.value;

export function putSetting(tx: Tx, name: string, value: string): void {
  tx.run(put, { name, value });
}

export function removeSetting(tx: Tx, name: string): void {
  tx.run(remove, { name });
}
