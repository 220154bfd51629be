import type { Kysely } from 'kysely';
import type { Schema } from '../../store/schema/schema.ts';
import { statement } from '../../store/statement.ts';

export const eventsAfter = statement<{ seq: number; limit: number }>()((db, p) =>
  db.selectFrom('events').select(['seq', 'at', 'body']).where('seq', '>', p.seq).orderBy('seq').limit(p.limit),
);
export const newestEvent = statement()((db) =>
  db.selectFrom('events').select((eb) => eb.fn.max<bigint | null>('seq').as('seq')),
);
export const eventBody = statement<{ seq: number }>()((db, p) =>
  db.selectFrom('events').select('body').where('seq', '=', p.seq),
);
export const bodiesBetween = statement<{ after: number; last: number }>()((db, p) =>
  db.selectFrom('events').select('body').where('seq', '>', p.after).where('seq', '<=', p.last).orderBy('seq'),
);
export const eventOfSeq = statement<{ seq: number }>()((db, p) =>
  db.selectFrom('events').select(['seq', 'body']).where('seq', '=', p.seq),
);
export const eventsOfPayment = statement<{ payment: string; limit: number }>()((db, p) =>
  db.selectFrom('events').select(['seq', 'body']).where('payment_id', '=', p.payment).orderBy('seq').limit(p.limit),
);
export const headsSigned = statement()((db) =>
  db.selectFrom('events').select('body').where('type', '=', 'log.head_signed').orderBy('seq'),
);

export const storedTile = statement<{ level: number; tile: number }>()((db, p) =>
  db.selectFrom('log_tiles').select(['hashes', 'root']).where('level', '=', p.level).where('tile', '=', p.tile),
);
export const lastTile = statement()((db) =>
  db
    .selectFrom('log_tiles')
    .select((eb) => eb.fn.max<bigint | null>('tile').as('tile'))
    .where('level', '=', 0n),
);
export const addTile = statement<{ level: number; tile: number; hashes: string; root: string }>()((db, p) =>
  db
    .insertInto('log_tiles')
    .values({ level: p.level, tile: p.tile, hashes: p.hashes, root: p.root })
    .onConflict((conflict) => conflict.doNothing()),
);
export const tileRoots = statement<{ level: number; first: number; last: number }>()((db, p) =>
  db
    .selectFrom('log_tiles')
    .select('root')
    .where('level', '=', p.level)
    .where('tile', '>=', p.first)
    .where('tile', '<=', p.last)
    .orderBy('tile'),
);

export const heads = statement<{ limit: number }>()((db, p) =>
  db.selectFrom('log_heads').selectAll().orderBy('size', 'desc').limit(p.limit),
);
export const addHead = statement<{ size: number; root: string; note: string; at: number }>()((db, p) =>
  db.insertInto('log_heads').values({ size: p.size, root: p.root, note: p.note, signed_at: p.at }),
);

/** An anchor with its head and what became of its transaction. */
const anchors = (db: Kysely<Schema>) =>
  db
    .selectFrom('log_anchors as a')
    .innerJoin('log_heads as h', 'h.size', 'a.size')
    .innerJoin('transactions as t', 't.id', 'a.transaction_id')
    .select(['a.transaction_id', 'a.size', 'h.root', 'a.registry', 'a.sender', 'a.requested_by'])
    .select(['a.estimated_gas', 'a.estimated_wei', 't.created_at', 't.state', 't.succeeded', 't.drop_reason'])
    .select(['t.drop_detail', 't.mined_hash', 't.block_number', 't.gas_used', 't.gas_price_wei']);
export const anchorOf = statement<{ id: bigint }>()((db, p) => anchors(db).where('a.transaction_id', '=', p.id));
export const newestAnchors = statement<{ limit: number }>()((db, p) =>
  anchors(db).orderBy('a.transaction_id', 'desc').limit(p.limit),
);
export const anchorsToNote = statement<{ chain: number }>()((db, p) =>
  anchors(db).where('a.noted', '=', 0n).where('t.chain_id', '=', p.chain).orderBy('a.transaction_id'),
);
/** The largest that did not fail. */
export const standingAnchor = statement()((db) =>
  anchors(db)
    .where('t.state', '<>', 'dropped')
    .where((eb) => eb(eb.fn.coalesce('t.succeeded', eb.val(1n)), '=', 1n))
    .orderBy('a.size', 'desc')
    .limit(1),
);
