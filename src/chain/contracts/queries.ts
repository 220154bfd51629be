import { statement } from '../../store/statement.ts';

/** The data of each payment in a transaction for its event. */
export const paymentsCarried = statement<{ transaction: bigint }>()((db, p) =>
  db
    .selectFrom('transaction_payments as t')
    .innerJoin('payments as p', 'p.id', 't.payment_id')
    .select(['p.id', 'p.agent_id', 'p.sponsor_id', 'p.workflow_id', 'p.policy_digest'])
    .where('t.transaction_id', '=', p.transaction)
    .orderBy('p.id'),
);
export const payeesSeenOnList = statement<{ agent: string; chain: number }>()((db, p) =>
  db.selectFrom('allow_list_seen').select('address').where('agent_id', '=', p.agent).where('chain_id', '=', p.chain),
);
