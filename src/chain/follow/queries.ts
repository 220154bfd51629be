import type { Kysely } from 'kysely';
import type { Hex } from 'viem';
import type { Schema } from '../../store/schema/schema.ts';
import { statement } from '../../store/statement.ts';

const blocks = (db: Kysely<Schema>) => db.selectFrom('blocks').select(['number', 'hash', 'timestamp_s']);
export const lastBlock = statement<{ chain: number }>()((db, p) =>
  blocks(db).where('chain_id', '=', p.chain).orderBy('number', 'desc').limit(1),
);
export const firstBlock = statement<{ chain: number }>()((db, p) =>
  blocks(db).where('chain_id', '=', p.chain).orderBy('number').limit(1),
);
export const blockAt = statement<{ chain: number; number: bigint }>()((db, p) =>
  blocks(db).where('chain_id', '=', p.chain).where('number', '=', p.number),
);
export const keptBlocks = statement<{ chain: number }>()((db, p) =>
  blocks(db).where('chain_id', '=', p.chain).orderBy('number', 'desc'),
);
export const addBlock = statement<{
  chain: number;
  number: bigint;
  hash: string;
  parent: string;
  time: number | bigint;
}>()((db, p) =>
  db
    .insertInto('blocks')
    .values({ chain_id: p.chain, number: p.number, hash: p.hash, parent_hash: p.parent, timestamp_s: p.time }),
);
export const countBlocksFrom = statement<{ chain: number; number: bigint }>()((db, p) =>
  db
    .selectFrom('blocks')
    .select((eb) => eb.fn.countAll<bigint>().as('n'))
    .where('chain_id', '=', p.chain)
    .where('number', '>=', p.number),
);
export const blockBelow = statement<{ chain: number; number: bigint }>()((db, p) =>
  db.selectFrom('blocks').select('number').where('chain_id', '=', p.chain).where('number', '<', p.number).limit(1),
);
export const timeUpTo = statement<{ chain: number; number: bigint }>()((db, p) =>
  db
    .selectFrom('blocks')
    .select((eb) => eb.fn.max<bigint | null>('timestamp_s').as('at'))
    .where('chain_id', '=', p.chain)
    .where('number', '<=', p.number),
);
export const forgetBlocksBelow = statement<{ chain: number; number: bigint }>()((db, p) =>
  db.deleteFrom('blocks').where('chain_id', '=', p.chain).where('number', '<', p.number),
);
export const forgetBlocksAbove = statement<{ chain: number; number: bigint }>()((db, p) =>
  db.deleteFrom('blocks').where('chain_id', '=', p.chain).where('number', '>', p.number),
);
export const forgetBlocks = statement<{ chain: number }>()((db, p) =>
  db.deleteFrom('blocks').where('chain_id', '=', p.chain),
);

/** Newest first. */
export const transfersFrom = statement<{ chain: number; block: bigint }>()((db, p) =>
  db
    .selectFrom('transfers')
    .selectAll()
    .where('chain_id', '=', p.chain)
    .where('block_number', '>=', p.block)
    .where('state', '<>', 'orphaned')
    .orderBy('block_number', 'desc')
    .orderBy('log_index', 'desc'),
);
export const transfersAbove = statement<{ chain: number; block: bigint }>()((db, p) =>
  db
    .selectFrom('transfers')
    .selectAll()
    .where('chain_id', '=', p.chain)
    .where('block_number', '>', p.block)
    .where('state', '<>', 'orphaned')
    .orderBy('block_number', 'desc')
    .orderBy('log_index', 'desc'),
);
export const transferToFinalize = statement<{ chain: number; block: bigint }>()((db, p) =>
  db
    .selectFrom('transfers')
    .select('log_index')
    .where('chain_id', '=', p.chain)
    .where('block_number', '<=', p.block)
    .where('state', '=', 'included')
    .limit(1),
);
export const transfersToFinalize = statement<{ chain: number; block: bigint }>()((db, p) =>
  db
    .selectFrom('transfers')
    .selectAll()
    .where('chain_id', '=', p.chain)
    .where('block_number', '<=', p.block)
    .where('state', '=', 'included')
    .orderBy('block_number')
    .orderBy('log_index'),
);
type Log = { chain: number; block: Hex; log: number | bigint };
export const transferAt = statement<Log>()((db, p) =>
  db
    .selectFrom('transfers')
    .selectAll()
    .where('chain_id', '=', p.chain)
    .where('block_hash', '=', p.block)
    .where('log_index', '=', p.log)
    .where('state', '<>', 'orphaned'),
);
export const setTransferState = statement<Log & { state: 'final' | 'orphaned' }>()((db, p) =>
  db
    .updateTable('transfers')
    .set({ state: p.state })
    .where('chain_id', '=', p.chain)
    .where('block_hash', '=', p.block)
    .where('log_index', '=', p.log),
);
export const blocksOfTransfers = statement<{ chain: number; below: bigint; limit: number }>()((db, p) =>
  db
    .selectFrom('transfers')
    .select(['block_number as number', 'block_hash as hash'])
    .distinct()
    .where('chain_id', '=', p.chain)
    .where('block_number', '<', p.below)
    .where('state', '<>', 'orphaned')
    .orderBy('block_number', 'desc')
    .limit(p.limit),
);

export const cancellationsUpTo = statement<{ chain: number; block: bigint }>()((db, p) =>
  db
    .selectFrom('x402_cancellations as c')
    .leftJoin('x402_authorizations as a', (join) =>
      join.onRef('a.nonce', '=', 'c.nonce').onRef('a.chain_id', '=', 'c.chain_id'),
    )
    .select(['c.nonce', 'c.block_number', 'a.payment_id'])
    .where('c.chain_id', '=', p.chain)
    .where('c.block_number', '<=', p.block),
);
export const removeCancellation = statement<{ chain: number; nonce: string }>()((db, p) =>
  db.deleteFrom('x402_cancellations').where('chain_id', '=', p.chain).where('nonce', '=', p.nonce),
);
export const forgetCancellations = statement<{ chain: number; from: bigint }>()((db, p) =>
  db.deleteFrom('x402_cancellations').where('chain_id', '=', p.chain).where('block_number', '>=', p.from),
);

export const watchedSince = statement<{ chain: number }>()((db, p) =>
  db.selectFrom('watched').select(['agent_id', 'since_block']).where('chain_id', '=', p.chain),
);
export const addWatched = statement<{ chain: number; agent: string; since: bigint }>()((db, p) =>
  db.insertInto('watched').values({ chain_id: p.chain, agent_id: p.agent, since_block: p.since }),
);
export const lowerWatched = statement<{ chain: number; block: bigint }>()((db, p) =>
  db
    .updateTable('watched')
    .set({ since_block: p.block })
    .where('chain_id', '=', p.chain)
    .where('since_block', '>', p.block),
);
export const checkedBlock = statement<{ chain: number }>()((db, p) =>
  db.selectFrom('chain_checked').select('block_number').where('chain_id', '=', p.chain),
);
export const setChecked = statement<{ chain: number; block: bigint }>()((db, p) =>
  db
    .insertInto('chain_checked')
    .values({ chain_id: p.chain, block_number: p.block })
    .onConflict((conflict) =>
      conflict.column('chain_id').doUpdateSet((eb) => ({ block_number: eb.ref('excluded.block_number') })),
    ),
);
export const lowerCheckedBlock = statement<{ chain: number; block: bigint }>()((db, p) =>
  db
    .updateTable('chain_checked')
    .set({ block_number: p.block })
    .where('chain_id', '=', p.chain)
    .where('block_number', '>', p.block),
);
