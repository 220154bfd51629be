import type { Kysely } from 'kysely';
import type { Address, Hex } from 'viem';
import type { RowIn, Schema } from '../../store/schema/schema.ts';
import { statement } from '../../store/statement.ts';

const wallets = (db: Kysely<Schema>) =>
  db
    .selectFrom('wallets as w')
    .innerJoin('agents as a', 'a.id', 'w.agent_id')
    .innerJoin('sponsors as s', 's.id', 'a.sponsor_id')
    .leftJoin('watched as t', (join) =>
      join.onRef('t.chain_id', '=', 'w.chain_id').onRef('t.agent_id', '=', 'w.agent_id'),
    )
    .select(['w.agent_id', 'a.sponsor_id', 'w.address', 'w.purse_address', 's.treasury_address']);
export const watchedWallets = statement<{ chain: number }>()((db, p) =>
  wallets(db).where('w.chain_id', '=', p.chain).where('t.agent_id', 'is not', null),
);
export const walletsOfAgents = statement<{ chain: number; agents: readonly string[] }>()((db, p, f) =>
  wallets(db)
    .where('w.chain_id', '=', p.chain)
    .where(({ ref }) => f.isAnyOf(ref('w.agent_id'), p.agents)),
);
export const agentsToWatch = statement<{ chain: number }>()((db, p) =>
  wallets(db).where('w.chain_id', '=', p.chain).where('t.agent_id', 'is', null).orderBy('w.agent_id').limit(100),
);

/** A block may return after a reorg undid it: its row is then used again. A booked row does not change. */
export const addTransfer = statement<{
  chain: number;
  blockHash: string;
  log: number;
  block: bigint;
  tx: string;
  from: string;
  to: string;
  amount: bigint;
  kind: RowIn<'transfers'>['match_kind'];
  match: string | null;
}>()((db, p) =>
  db
    .insertInto('transfers')
    .values({
      chain_id: p.chain,
      block_hash: p.blockHash,
      log_index: p.log,
      block_number: p.block,
      tx_hash: p.tx,
      from_address: p.from,
      to_address: p.to,
      amount_micro: p.amount,
      match_kind: p.kind,
      match_id: p.match,
      state: 'included',
    })
    .onConflict((conflict) =>
      conflict
        .columns(['chain_id', 'block_hash', 'log_index'])
        .doUpdateSet((eb) => ({
          match_kind: eb.ref('excluded.match_kind'),
          match_id: eb.ref('excluded.match_id'),
          state: 'included',
        }))
        .where('transfers.state', '=', 'orphaned'),
    ),
);
export const addCancellation = statement<{ chain: number; nonce: string; block: bigint }>()((db, p) =>
  db
    .insertInto('x402_cancellations')
    .values({ chain_id: p.chain, nonce: p.nonce, block_number: p.block })
    .onConflict((conflict) => conflict.doNothing()),
);
export const paymentOfNonce = statement<{ nonce: Hex; purse: Address }>()((db, p) =>
  db.selectFrom('x402_authorizations').select('payment_id').where('nonce', '=', p.nonce).where('purse', '=', p.purse),
);
export const addSeenOnList = statement<{ agent: string; chain: number; address: string }>()((db, p) =>
  db
    .insertInto('allow_list_seen')
    .values({ agent_id: p.agent, chain_id: p.chain, address: p.address })
    .onConflict((conflict) => conflict.doNothing()),
);
export const ownAttempt = statement<{ hash: Hex }>()((db, p) =>
  db.selectFrom('transaction_attempts').select('transaction_id').where('hash', '=', p.hash),
);
export const takeFromHold = statement<{ id: string; amount: bigint }>()((db, p) =>
  db
    .updateTable('payments')
    .set((eb) => ({ held_micro: eb('held_micro', '-', p.amount) }))
    .where('id', '=', p.id),
);
