import { query, type RowOf, statement } from './statement.ts';
import type { ReadTx, Tx } from './store.ts';

/** Never run: what must compile, and what must not. */
export async function types(tx: Tx, reading: ReadTx): Promise<void> {
  const byKey = statement<{ agent: string; chain: number; ids: readonly string[] }>()((db, p, f) =>
    db
      .selectFrom('wallets')
      .select(['agent_id', 'address', 'next_nonce', 'deployed_at'])
      .where('agent_id', '=', p.agent)
      .where('chain_id', '=', p.chain)
      .where(({ ref }) => f.isAnyOf(ref('agent_id'), p.ids)),
  );
  const row = await reading.get(byKey, { agent: 'agt_1', chain: 1, ids: [] });
  if (row) {
    const agent: string = row.agent_id;
    const address: `0x${string}` = row.address;
    const nonce: bigint = row.next_nonce;
    const deployed: bigint | null = row.deployed_at;
    // @ts-expect-error a column that was not selected
    row.salt;
    // @ts-expect-error a nullable column
    const never: bigint = row.deployed_at;
    void [agent, address, nonce, deployed, never];
  }
  const rows: RowOf<typeof byKey>[] = await reading.all(byKey, { agent: 'agt_1', chain: 1n as never, ids: ['a'] });
  void rows;
  // @ts-expect-error a missing parameter
  await reading.get(byKey, { agent: 'agt_1', chain: 1 });
  // @ts-expect-error no parameters at all
  await reading.get(byKey);
  // @ts-expect-error a parameter of another type
  await reading.get(byKey, { agent: 1, chain: 1, ids: [] });
  // @ts-expect-error a parameter that the statement does not have
  await reading.get(byKey, { agent: 'agt_1', chain: 1, ids: [], more: 1 });

  // @ts-expect-error an unknown column
  statement()((db) => db.selectFrom('wallets').select('adress'));
  // @ts-expect-error an unknown table
  statement()((db) => db.selectFrom('wallet').selectAll());
  // @ts-expect-error a parameter that was not declared
  statement<{ id: string }>()((db, p) => db.selectFrom('agents').selectAll().where('id', '=', p.name));
  // @ts-expect-error a text where the column holds an integer
  statement<{ chain: string }>()((db, p) => db.selectFrom('wallets').selectAll().where('chain_id', '=', p.chain));
  // @ts-expect-error a list is one value: only the fragments take it
  statement<{ ids: string[] }>()((db, p) => db.selectFrom('agents').selectAll().where('id', 'in', p.ids));
  // @ts-expect-error a state that does not exist
  statement()((db) => db.selectFrom('payments').select('id').where('state', '=', 'paid'));

  const write = statement<{ name: string; value: string }>()((db, p) =>
    db.insertInto('settings').values({ name: p.name, value: p.value }),
  );
  await tx.run(write, { name: 'a', value: 'b' });
  // @ts-expect-error it gives no rows
  await tx.get(write, { name: 'a', value: 'b' });
  // @ts-expect-error a reader writes nothing
  reading.run(write, { name: 'a', value: 'b' });
  // @ts-expect-error a column that must be given
  statement<{ name: string }>()((db, p) => db.insertInto('settings').values({ name: p.name }));

  const last: { value: string } | undefined = await tx.get(
    query((db) => db.selectFrom('settings').select('value').orderBy('name', 'desc').limit(1)),
  );
  void last;
}
