import type { AgentId } from '../../core/ids/ids.ts';
import { type RowOf, statement } from '../../store/statement.ts';

type NewMandate = {
  id: string;
  agent: AgentId;
  terms: string;
  reason: string;
  by: string;
  at: number;
  notBefore: number;
  expires: number;
};
export const addMandate = statement<NewMandate>()((db, p) =>
  db.insertInto('mandates').values({
    id: p.id,
    agent_id: p.agent,
    status: 'requested',
    terms_json: p.terms,
    reason: p.reason,
    requested_by: p.by,
    requested_at: p.at,
    not_before: p.notBefore,
    expires_at: p.expires,
  }),
);

export const waitingMandates = statement<{ agent: string; at: number }>()((db, p) =>
  db
    .selectFrom('mandates')
    .select((eb) => eb.fn.countAll<bigint>().as('n'))
    .where('agent_id', '=', p.agent)
    .where('status', '=', 'requested')
    .where('expires_at', '>', p.at),
);

type NewSignature = { mandate: string; approver: string; signature: string; typedData: string; at: number };
export const addSignature = statement<NewSignature>()((db, p) =>
  db.insertInto('mandate_signatures').values({
    mandate_id: p.mandate,
    approver_id: p.approver,
    signature: p.signature,
    typed_data_json: p.typedData,
    signed_at: p.at,
  }),
);

export const activateMandate = statement<{ id: string }>()((db, p) =>
  db.updateTable('mandates').set({ status: 'active' }).where('id', '=', p.id),
);

export const closeMandate = statement<{ id: string; status: 'declined' | 'revoked'; at: number }>()((db, p) =>
  db.updateTable('mandates').set({ status: p.status, ended_at: p.at }).where('id', '=', p.id),
);

export const mandateById = statement<{ id: string }>()((db, p) =>
  db.selectFrom('mandates').selectAll().where('id', '=', p.id),
);
export type MandateRow = RowOf<typeof mandateById>;

export const newestMandates = statement()((db) =>
  db.selectFrom('mandates').selectAll().orderBy('id', 'desc').limit(500),
);

export const newestMandatesOfAgent = statement<{ agent: string }>()((db, p) =>
  db.selectFrom('mandates').selectAll().where('agent_id', '=', p.agent).orderBy('id', 'desc').limit(500),
);

export const paidUnder = statement<{ mandate: string }>()((db, p) =>
  db
    .selectFrom('payments')
    .select((eb) => [
      eb.fn.sum<bigint | null>('amount_micro').as('total'),
      eb.fn.countAll<bigint>().as('count'),
      eb.fn.max<bigint | null>('created_at').as('last_at'),
    ])
    .where('mandate_id', '=', p.mandate)
    .where('state', 'not in', ['denied', 'rejected', 'expired', 'failed', 'cancelled']),
);

export const mandatesInForce = statement<{ agent: string; at: number }>()((db, p) =>
  db
    .selectFrom('mandates')
    .selectAll()
    .where('status', '=', 'active')
    .where('agent_id', '=', p.agent)
    .where('not_before', '<=', p.at)
    .where('expires_at', '>', p.at)
    .orderBy('id'),
);

export const signersOf = statement<{ mandate: string }>()((db, p) =>
  db
    .selectFrom('mandate_signatures as s')
    .innerJoin('approvers as r', 'r.id', 's.approver_id')
    .select(['r.id', 'r.address', 'r.name', 'r.roles_json', 'r.sponsor_id', 's.signed_at'])
    .where('s.mandate_id', '=', p.mandate)
    .where('r.status', '=', 'active')
    .orderBy('s.signed_at')
    .orderBy('r.id'),
);
