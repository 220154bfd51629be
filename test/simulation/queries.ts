import { statement } from '../../src/store/statement.ts';

export const eventsAfter = statement<{ seq: bigint }>()((db, p) =>
  db
    .selectFrom('events')
    .select(['seq', 'type', 'payment_id', 'agent_id', 'body'])
    .where('seq', '>', p.seq)
    .orderBy('seq'),
);
export const entriesAfter = statement<{ id: bigint }>()((db, p) =>
  db
    .selectFrom('ledger_entries')
    .select(['id', 'from_account', 'to_account', 'amount_micro', 'kind', 'payment_id'])
    .where('id', '>', p.id)
    .orderBy('id'),
);
export const everyBalance = statement()((db) => db.selectFrom('balances').select(['account', 'amount_micro']));
export const everyPayment = statement()((db) =>
  db
    .selectFrom('payments')
    .select(['id', 'chain_key', 'agent_id', 'kind', 'rail', 'address', 'amount_micro', 'held_micro', 'state'])
    .select(['idempotency_key', 'created_at', 'funds_payment', 'wallet_nonce'])
    .orderBy('id'),
);
export const everyAuthorization = statement()((db) =>
  db.selectFrom('x402_authorizations').select(['payment_id', 'nonce']).orderBy('payment_id'),
);
export const openAlerts = statement()((db) =>
  db.selectFrom('alerts').select(['type', 'agent_id', 'body_json']).where('resolved_at', 'is', null).orderBy('id'),
);
export const everyAlert = statement()((db) => db.selectFrom('alerts').select(['type', 'body_json']).orderBy('id'));
export const inactiveAgents = statement()((db) =>
  db.selectFrom('agents').select(['id', 'status']).where('status', '<>', 'active'),
);
export const openTransactions = statement()((db) =>
  db
    .selectFrom('transactions')
    .select(['id', 'nonce', 'state', 'purpose'])
    .where('state', 'in', ['queued', 'pending', 'mined'])
    .orderBy('id'),
);
export const watchedAgents = statement()((db) => db.selectFrom('watched').select('agent_id'));
export const lastEvent = statement()((db) =>
  db.selectFrom('events').select(['seq', 'hash']).orderBy('seq', 'desc').limit(1),
);
