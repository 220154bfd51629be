import { workingStates } from '../../core/payment/states.ts';
import { statement } from '../../store/statement.ts';

/**
 * Signed purchases past their validity, by id, after the given one. The list of states equals that of the index on working
 * payments: SQLite uses a partial index only if the text shows it.
 */
export const lapsedPurchases = statement<{ after: string; chain: number; time: number; limit: number }>()((db, p) =>
  db
    .selectFrom('payments as p')
    .innerJoin('x402_authorizations as a', 'a.payment_id', 'p.id')
    .select(['a.payment_id', 'a.purse', 'a.nonce', 'a.valid_before_s'])
    .where('p.state', 'in', workingStates)
    .where('p.state', '=', 'submitted')
    .where('p.rail', '=', 'x402')
    .where('p.id', '>', p.after)
    .where('a.chain_id', '=', p.chain)
    .where('a.valid_before_s', '<', p.time)
    .orderBy('p.id')
    .limit(p.limit),
);

/** The oldest block with a payment of ours that was mined successfully and has no transfer. */
export const oldestUnsettled = statement<{ chain: number; upTo: bigint }>()((db, p) =>
  db
    .selectFrom('payments as p')
    .innerJoin('transaction_payments as tp', 'tp.payment_id', 'p.id')
    .innerJoin('transactions as t', 't.id', 'tp.transaction_id')
    .select(['t.block_number as block', 't.block_hash as hash'])
    .where('p.state', 'in', workingStates)
    .where('p.state', '=', 'submitted')
    .where('p.rail', '=', 'wallet')
    .where('t.chain_id', '=', p.chain)
    .where('t.state', 'in', ['mined', 'final'])
    .where('t.succeeded', '=', 1n)
    .where('t.block_number', '<=', p.upTo)
    .where(({ exists, not, selectFrom }) =>
      not(
        exists(
          selectFrom('transfers as x')
            .select('x.log_index')
            .whereRef('x.tx_hash', '=', 't.mined_hash')
            .whereRef('x.match_id', '=', 'p.id')
            .where('x.state', '<>', 'orphaned'),
        ),
      ),
    )
    .orderBy('t.block_number')
    .limit(1),
);

export const openAlertOfChain = statement<{ type: string; chain: number }>()((db, p, f) =>
  db
    .selectFrom('alerts')
    .select('id')
    .where('type', '=', p.type)
    .where('resolved_at', 'is', null)
    .where(({ eb, ref }) => eb(f.jsonInteger(ref('body_json'), 'chain'), '=', p.chain)),
);
export const resolveAlertsOfChain = statement<{ type: string; chain: number; at: number }>()((db, p, f) =>
  db
    .updateTable('alerts')
    .set({ resolved_at: p.at })
    .where('type', '=', p.type)
    .where('resolved_at', 'is', null)
    .where(({ eb, ref }) => eb(f.jsonInteger(ref('body_json'), 'chain'), '=', p.chain)),
);
/** Only the follower's alerts: a sender's alert of the same type has its address as subject. */
export const resolveInconsistency = statement<{ chain: number; at: number }>()((db, p, f) =>
  db
    .updateTable('alerts')
    .set({ resolved_at: p.at })
    .where('type', '=', 'chain_inconsistent')
    .where('resolved_at', 'is', null)
    .where(({ eb, ref }) => eb(f.jsonText(ref('body_json'), 'subject'), 'is', null))
    .where(({ eb, ref }) => eb(f.jsonInteger(ref('body_json'), 'chain'), '=', p.chain)),
);
type Log = { tx: string; log: number };
export const eventOfLog = statement<Log>()((db, p, f) =>
  db
    .selectFrom('events')
    .select('seq')
    .where('type', 'in', ['wallet.frozen', 'wallet.unfrozen', 'wallet.changed', 'registry.changed'])
    .where(({ eb, ref }) => eb(f.jsonText(ref('body'), 'data', 'tx_hash'), '=', p.tx))
    .where(({ eb, ref }) => eb(f.jsonInteger(ref('body'), 'data', 'log_index'), '=', p.log)),
);
export const alertOfLog = statement<Log>()((db, p, f) =>
  db
    .selectFrom('alerts')
    .select('id')
    .where('type', '=', 'claim_without_transfer')
    .where(({ eb, ref }) => eb(f.jsonText(ref('body_json'), 'tx_hash'), '=', p.tx))
    .where(({ eb, ref }) => eb(f.jsonInteger(ref('body_json'), 'log_index'), '=', p.log)),
);
