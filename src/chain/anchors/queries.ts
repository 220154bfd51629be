import { statement } from '../../store/statement.ts';

export const addAnchor = statement<{
  transaction: bigint;
  size: number;
  registry: string;
  sender: string;
  by: string;
  gas: bigint;
  wei: string;
}>()((db, p) =>
  db.insertInto('log_anchors').values({
    transaction_id: p.transaction,
    size: p.size,
    registry: p.registry,
    sender: p.sender,
    requested_by: p.by,
    estimated_gas: p.gas,
    estimated_wei: p.wei,
  }),
);
/** A second time changes no row. */
export const noteAnchor = statement<{ transaction: bigint }>()((db, p) =>
  db.updateTable('log_anchors').set({ noted: 1n }).where('transaction_id', '=', p.transaction).where('noted', '=', 0n),
);
export const firstEventTime = statement()((db) => db.selectFrom('events').select('at').where('seq', '=', 1n));
/** A later event that is not about heads and anchors themselves. */
export const newsAfter = statement<{ size: number }>()((db, p) =>
  db.selectFrom('events').select('seq').where('seq', '>', p.size).where('type', 'not like', 'log.%').limit(1),
);
export const countEvents = statement()((db) =>
  db.selectFrom('events').select((eb) => eb.fn.countAll<bigint>().as('n')),
);
