import type { Address } from 'viem';
import { query, statement } from '../../../store/statement.ts';

export type EventFilter = {
  after: number;
  upTo?: number;
  agent?: string | undefined;
  payment?: string | undefined;
  limit: number;
  /** Also the `rows.sealed` events. */
  seals?: boolean;
};
export const filteredEvents = ({ after, upTo, agent, payment, limit, seals }: EventFilter) =>
  query((db) => {
    let found = db
      .selectFrom('events')
      .select(['body', 'hash'])
      .where('seq', '>', BigInt(after))
      .orderBy('seq')
      .limit(limit);
    if (!seals) found = found.where('type', '<>', 'rows.sealed');
    if (upTo !== undefined) found = found.where('seq', '<=', BigInt(upTo));
    if (agent) found = found.where('agent_id', '=', agent);
    if (payment) found = found.where('payment_id', '=', payment);
    return found;
  });
export const agentOfEvent = statement<{ seq: number }>()((db, p) =>
  db.selectFrom('events').select('agent_id').where('seq', '=', p.seq),
);
export const agentOfEventsOf = statement<{ payment: string }>()((db, p) =>
  db.selectFrom('events').select('agent_id').where('payment_id', '=', p.payment).limit(1),
);
export const newestAlerts = statement<{ limit: number }>()((db, p) =>
  db.selectFrom('alerts').selectAll().orderBy('id', 'desc').limit(p.limit),
);

export const balancesByAccount = statement()((db) =>
  db.selectFrom('balances').select(['account', 'amount_micro']).orderBy('account'),
);
export const entriesBefore = statement<{ before: number; limit: number }>()((db, p) =>
  db.selectFrom('ledger_entries').selectAll().where('id', '<', p.before).orderBy('id', 'desc').limit(p.limit),
);
export const entriesOfPaymentBefore = statement<{ payment: string; before: number; limit: number }>()((db, p) =>
  db
    .selectFrom('ledger_entries')
    .selectAll()
    .where('id', '<', p.before)
    .where('payment_id', '=', p.payment)
    .orderBy('id', 'desc')
    .limit(p.limit),
);
export const linesOfEntry = statement<{ entry: bigint }>()((db, p) =>
  db.selectFrom('postings').select(['account', 'amount_micro']).where('entry_id', '=', p.entry).orderBy('line'),
);

/** The agent whose wallet or purse an address is. */
export const walletWithAddress = statement<{ address: Address }>()((db, p) =>
  db
    .selectFrom('wallets as w')
    .innerJoin('agents as a', 'a.id', 'w.agent_id')
    .select(['a.name', 'w.address'])
    .where(({ eb, or }) => or([eb('w.address', '=', p.address), eb('w.purse_address', '=', p.address)])),
);
export const payeeWithAddress = statement<{ address: string }>()((db, p) =>
  db
    .selectFrom('payee_addresses as a')
    .innerJoin('payees as p', 'p.id', 'a.payee_id')
    .select('p.name')
    .where('a.address', '=', p.address)
    .limit(1),
);
export const decisionTexts = statement<{ payment: string }>()((db, p) =>
  db.selectFrom('decisions').selectAll().where('payment_id', '=', p.payment).orderBy('seq'),
);
export const signaturesOfPayment = statement<{ payment: string }>()((db, p) =>
  db
    .selectFrom('approvals as a')
    .innerJoin('approvers as r', 'r.id', 'a.approver_id')
    .select(['r.name', 'r.address'])
    .select(['a.verdict', 'a.counts', 'a.reason', 'a.signature', 'a.typed_data_json', 'a.signed_at'])
    .where('a.payment_id', '=', p.payment)
    .orderBy('a.signed_at'),
);
/** Ids from one on, before another: those that begin with a text. */
export const paymentIdsBetween = statement<{ from: string; before: string; limit: number }>()((db, p) =>
  db.selectFrom('payments').select('id').where('id', '>=', p.from).where('id', '<', p.before).limit(p.limit),
);
