import type { RowIn } from '../../store/schema/schema.ts';
import { statement } from '../../store/statement.ts';

type Wallet = { agent: string; chain: number };

export const nextNonce = statement<Wallet>()((db, p) =>
  db.selectFrom('wallets').select('next_nonce').where('agent_id', '=', p.agent).where('chain_id', '=', p.chain),
);
export const takeNext = statement<Wallet>()((db, p) =>
  db
    .updateTable('wallets')
    .set((eb) => ({ next_nonce: eb('next_nonce', '+', 1n) }))
    .where('agent_id', '=', p.agent)
    .where('chain_id', '=', p.chain)
    .returning((eb) => eb('next_nonce', '-', 1n).$castTo<bigint>().as('nonce')),
);
/** To a multiple of `step`, by at least that many. */
export const skipOfAll = statement<{ step: bigint }>()((db, p) =>
  db
    .updateTable('wallets')
    .set((eb) => ({ next_nonce: eb(eb.parens(eb('next_nonce', '/', p.step), '+', 2n), '*', p.step) })),
);
export const skipOfAgent = statement<{ agent: string; step: bigint }>()((db, p) =>
  db
    .updateTable('wallets')
    .set((eb) => ({ next_nonce: eb(eb.parens(eb('next_nonce', '/', p.step), '+', 2n), '*', p.step) }))
    .where('agent_id', '=', p.agent),
);
export const raiseNonce = statement<Wallet & { nonce: bigint }>()((db, p) =>
  db
    .updateTable('wallets')
    .set({ next_nonce: p.nonce })
    .where('agent_id', '=', p.agent)
    .where('chain_id', '=', p.chain)
    .where('next_nonce', '<', p.nonce),
);
export const setNonce = statement<Wallet & { nonce: bigint }>()((db, p) =>
  db
    .updateTable('wallets')
    .set({ next_nonce: p.nonce })
    .where('agent_id', '=', p.agent)
    .where('chain_id', '=', p.chain),
);
export const highestHeldNonce = statement<Wallet & { least: bigint; most: bigint }>()((db, p) =>
  db
    .selectFrom('payments')
    .select((eb) => eb.fn.max<bigint | null>('wallet_nonce').as('top'))
    .where('agent_id', '=', p.agent)
    .where('chain_id', '=', p.chain)
    .where('state', 'in', ['authorized', 'submitted'])
    .where((eb) => eb.between('wallet_nonce', p.least, p.most)),
);

export const openStop = statement<{ chain: number }>()((db, p) =>
  db.selectFrom('chain_stops').selectAll().where('chain_id', '=', p.chain).where('ended_at', 'is', null),
);
export const removeStop = statement<{ id: bigint }>()((db, p) => db.deleteFrom('chain_stops').where('id', '=', p.id));
export const newStop = statement<{ chain: number; block: bigint; known: string; told: string; at: number }>()((db, p) =>
  db
    .insertInto('chain_stops')
    .values({ chain_id: p.chain, block_number: p.block, known_hash: p.known, told_hash: p.told, started_at: p.at }),
);
type Ended = { chain: number; by: NonNullable<RowIn<'chain_stops'>['ended_by']>; at: number };
export const endStop = statement<Ended>()((db, p) =>
  db
    .updateTable('chain_stops')
    .set({ ended_at: p.at, ended_by: p.by })
    .where('chain_id', '=', p.chain)
    .where('ended_at', 'is', null),
);
