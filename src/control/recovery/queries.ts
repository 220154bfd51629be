import { statement } from '../../store/statement.ts';

export const deployedWallets = statement<{ chain: number }>()((db, p) =>
  db
    .selectFrom('wallets')
    .select(['agent_id', 'address'])
    .where('chain_id', '=', p.chain)
    .where('deployed_at', 'is not', null),
);

/** Transactions whose sender has no sender queue here, and the wallet that they call. */
export const orphanedTransactions = statement<{ chain: number; senders: readonly string[] }>()((db, p, f) =>
  db
    .selectFrom('transactions as t')
    .select(['t.id', 't.sender', 't.state', 't.purpose'])
    .select((eb) =>
      eb
        .selectFrom('transaction_payments as tp')
        .innerJoin('payments as p', 'p.id', 'tp.payment_id')
        .innerJoin('wallets as w', 'w.agent_id', 'p.agent_id')
        .select('w.address')
        .whereRef('w.chain_id', '=', 't.chain_id')
        .whereRef('tp.transaction_id', '=', 't.id')
        .limit(1)
        .as('wallet'),
    )
    .where('t.chain_id', '=', p.chain)
    .where('t.state', 'in', ['queued', 'pending'])
    .where(({ ref }) => f.isNoneOf(ref('t.sender'), p.senders))
    .where(({ or, eb }) =>
      or([
        eb('t.purpose', 'in', ['pay', 'pay_batch']),
        eb('t.purpose', 'like', 'deploy:%'),
        eb('t.purpose', 'like', 'stop:%'),
      ]),
    )
    .orderBy('t.id')
    .limit(200),
);
