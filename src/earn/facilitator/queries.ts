import type { Address, Hex } from 'viem';
import { statement } from '../../store/statement.ts';

type Key = { chain: number; payer: Address; nonce: Hex };

export const settlementByKey = statement<Key>()((db, p) =>
  db
    .selectFrom('x402_settlements')
    .selectAll()
    .where('chain_id', '=', p.chain)
    .where('payer', '=', p.payer)
    .where('nonce', '=', p.nonce),
);
/** Claims a settlement that is new, or that failed. */
export const claimSettlement = statement<Key & { payTo: Address; value: bigint; until: number; at: number }>()(
  (db, p) =>
    db
      .insertInto('x402_settlements')
      .values({
        chain_id: p.chain,
        payer: p.payer,
        nonce: p.nonce,
        pay_to: p.payTo,
        value_micro: p.value,
        state: 'claimed',
        claimed_until: p.until,
        created_at: p.at,
        updated_at: p.at,
      })
      .onConflict((conflict) =>
        conflict.columns(['chain_id', 'payer', 'nonce']).doUpdateSet(({ ref }) => ({
          state: 'claimed',
          claimed_until: ref('excluded.claimed_until'),
          pay_to: ref('excluded.pay_to'),
          value_micro: ref('excluded.value_micro'),
          updated_at: ref('excluded.updated_at'),
        })),
      ),
);
/** A null `hash` or `deliveredAt` keeps the stored value. */
export const endClaim = statement<
  Key & {
    state: 'pending' | 'settled' | 'failed';
    hash: Hex | null;
    reason: string | null;
    deliveredAt: number | null;
    at: number;
  }
>()((db, p) =>
  db
    .updateTable('x402_settlements')
    .set(({ fn, ref, val }) => ({
      state: p.state,
      claimed_until: 0n,
      tx_hash: fn.coalesce(val(p.hash), ref('tx_hash')),
      reason: p.reason,
      delivered_at: fn.coalesce(val(p.deliveredAt), ref('delivered_at')),
      updated_at: p.at,
    }))
    .where('chain_id', '=', p.chain)
    .where('payer', '=', p.payer)
    .where('nonce', '=', p.nonce),
);
/** Records a settlement as delivered, unless it was delivered before. */
export const recordDelivery = statement<Key & { payTo: Address; value: bigint; hash: Hex; at: number }>()((db, p) =>
  db
    .insertInto('x402_settlements')
    .values({
      chain_id: p.chain,
      payer: p.payer,
      nonce: p.nonce,
      pay_to: p.payTo,
      value_micro: p.value,
      state: 'settled',
      claimed_until: 0n,
      tx_hash: p.hash,
      delivered_at: p.at,
      created_at: p.at,
      updated_at: p.at,
    })
    .onConflict((conflict) =>
      conflict
        .columns(['chain_id', 'payer', 'nonce'])
        .doUpdateSet(({ ref }) => ({
          state: 'settled',
          claimed_until: 0n,
          pay_to: ref('excluded.pay_to'),
          value_micro: ref('excluded.value_micro'),
          tx_hash: ref('excluded.tx_hash'),
          delivered_at: ref('excluded.delivered_at'),
          updated_at: ref('excluded.updated_at'),
        }))
        .where('x402_settlements.delivered_at', 'is', null),
    ),
);
export const releaseClaims = statement()((db) =>
  db.updateTable('x402_settlements').set({ claimed_until: 0n }).where('state', '=', 'claimed'),
);
export const setTransaction = statement<Key & { transaction: bigint }>()((db, p) =>
  db
    .updateTable('x402_settlements')
    .set({ transaction_id: p.transaction })
    .where('chain_id', '=', p.chain)
    .where('payer', '=', p.payer)
    .where('nonce', '=', p.nonce),
);
export const setPendingHash = statement<Key & { pending: string | null; hash: string | null }>()((db, p) =>
  db
    .updateTable('x402_settlements')
    .set({ pending_key: p.pending, pending_hash: p.hash })
    .where('chain_id', '=', p.chain)
    .where('payer', '=', p.payer)
    .where('nonce', '=', p.nonce),
);
export const pendingHashOf = statement<Key & { pending: string }>()((db, p) =>
  db
    .selectFrom('x402_settlements')
    .select('pending_hash')
    .where('chain_id', '=', p.chain)
    .where('payer', '=', p.payer)
    .where('nonce', '=', p.nonce)
    .where('pending_key', '=', p.pending),
);

/** An unmined transaction counts with its gas limit; without one, with the highest gas of a settlement. */
export const gasOfPurposes = statement<{ first: string; second: string; since: number }>()((db, p) =>
  db
    .selectFrom('transactions')
    .select(({ fn, lit }) => fn.sum<bigint | null>(fn.coalesce('gas_used', 'gas_limit', lit(150_000))).as('gas'))
    .where('purpose', 'in', [p.first, p.second])
    .where('created_at', '>', p.since)
    .where('state', '<>', 'dropped'),
);
/** The range of purposes covers every text that begins with `x402_deploy:`. */
export const gasOfDeployments = statement<{ since: number }>()((db, p) =>
  db
    .selectFrom('transactions')
    .select(({ fn, lit }) => fn.sum<bigint | null>(fn.coalesce('gas_used', 'gas_limit', lit(3_000_000))).as('gas'))
    .where('purpose', '>=', 'x402_deploy:')
    .where('purpose', '<', 'x402_deploy;')
    .where('created_at', '>', p.since)
    .where('state', '<>', 'dropped'),
);
export const transactionOfAttempt = statement<{ hash: Hex }>()((db, p) =>
  db.selectFrom('transaction_attempts').select('transaction_id as id').where('hash', '=', p.hash),
);

export const ownerOfWallet = statement<{ chain: number; address: Address }>()((db, p) =>
  db.selectFrom('wallets').select('agent_id').where('chain_id', '=', p.chain).where('address', '=', p.address),
);
export const ownerOfPurse = statement<{ chain: number; purse: Address }>()((db, p) =>
  db.selectFrom('wallets').select('agent_id').where('chain_id', '=', p.chain).where('purse_address', '=', p.purse),
);
