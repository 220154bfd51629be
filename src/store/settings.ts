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
export const settingOf = async (tx: ReadTx, name: string): Promise<string | undefined> =>
  (await tx.get(byName, { name }))?.value;

export async function putSetting(tx: Tx, name: string, value: string): Promise<void> {
  await tx.run(put, { name, value });
}

export async function removeSetting(tx: Tx, name: string): Promise<void> {
  await tx.run(remove, { name });
}
