import { expressionBuilder } from 'kysely';
import { workingStates } from '../../../core/payment/states.ts';
import type { Schema } from '../../../store/schema/schema.ts';
import type { Slots } from '../../../store/slots.ts';
import { type RowOf, statement } from '../../../store/statement.ts';

/** Payments that were asked for in a time, and the first and last ids that they can have: the primary key finds them. */
export type Asked = { first: string; end: string; from: number; to: number };

const payments = expressionBuilder<Schema, 'payments'>();
const isAskedIn = (p: Slots<Asked>) =>
  payments.and([
    payments('payments.id', '>=', p.first),
    payments('payments.id', '<', p.end),
    payments('payments.created_at', '>=', p.from),
    payments('payments.created_at', '<', p.to),
  ]);
const isRequest = payments('kind', '<>', 'top_up');
/** Money that leaves an agent for good: moving it into the own purse is not spending, giving it back neither. */
const isSpend = payments.and([
  payments('kind', 'not in', ['top_up', 'refund']),
  payments('state', 'in', ['settled', 'final']),
]);
const all = payments.fn.countAll<bigint>();
const counts = [
  all.as('payments'),
  all.filterWhere('state', 'in', ['settled', 'final']).as('settled'),
  all.filterWhere('state', '=', 'denied').as('denied'),
  all.filterWhere('state', 'in', ['failed', 'rejected', 'expired', 'cancelled']).as('failed'),
  all.filterWhere('state', 'in', ['in_review', 'authorized', 'submitted']).as('open'),
  all.filterWhere('review_json', 'is not', null).as('exceptions'),
] as const;

export const countsOfSpan = statement<Asked>()((db, p) =>
  db.selectFrom('payments').select(counts).where(isAskedIn(p)).where(isRequest),
);
export type CountRow = RowOf<typeof countsOfSpan>;
export const countsByWorkflow = statement<Asked>()((db, p) =>
  db
    .selectFrom('payments')
    .select('workflow_id')
    .select(counts)
    .select(({ fn }) => fn.sum<bigint | null>('amount_micro').filterWhere(isSpend).as('spend'))
    .where(isAskedIn(p))
    .where(isRequest)
    .groupBy('workflow_id'),
);
const spendOf = (column: 'agent_id' | 'category' | 'payee_id') =>
  statement<Asked>()((db, p) =>
    db
      .selectFrom('payments')
      .select(({ ref, fn }) => [ref(column).as('group'), fn.sum<bigint>('amount_micro').as('amount')])
      .where(isAskedIn(p))
      .where(isSpend)
      .groupBy(column),
  );
export const spendByAgent = spendOf('agent_id');
export const spendByCategory = spendOf('category');
export const spendByPayee = spendOf('payee_id');
/** From the request to the answer that ended its review. */
export const timesInReview = statement<Asked>()((db, p) =>
  db
    .selectFrom('approvals')
    .innerJoin('payments', 'payments.id', 'approvals.payment_id')
    .select(({ eb, fn, ref }) =>
      eb(fn.max<bigint>('approvals.signed_at'), '-', ref('payments.created_at')).$castTo<bigint>().as('ms'),
    )
    .select('payments.workflow_id')
    .where(isAskedIn(p))
    .where('payments.state', '<>', 'in_review')
    .groupBy('payments.id'),
);
/** Received by selling, by ids. */
export const earnedBetween = statement<{ first: string; end: string }>()((db, p) =>
  db
    .selectFrom('receivables')
    .select(({ fn }) => fn.sum<bigint | null>('amount_micro').as('sum'))
    .where('id', '>=', p.first)
    .where('id', '<', p.end)
    .where('state', '<>', 'orphaned')
    .where('kind', 'in', ['agent_payment', 'x402_sale', 'invoice']),
);

/** What agents have: their accounts are a range of the primary key. */
export const heldByAgents = statement()((db) =>
  db
    .selectFrom('balances')
    .select(({ fn }) => fn.sum<bigint | null>('amount_micro').as('sum'))
    .where('account', '>=', 'agt_')
    .where('account', '<', 'agt`'),
);
/** The first condition is the partial index's own. */
export const countInReview = statement()((db) =>
  db
    .selectFrom('payments')
    .select(({ fn }) => fn.countAll<bigint>().as('n'))
    .where('state', 'in', workingStates)
    .where('state', '=', 'in_review'),
);
export const countOpenAlerts = statement()((db) =>
  db
    .selectFrom('alerts')
    .select(({ fn }) => fn.countAll<bigint>().as('n'))
    .where('resolved_at', 'is', null),
);

export const nameOfAgent = statement<{ id: string }>()((db, p) =>
  db.selectFrom('agents').select('name').where('id', '=', p.id),
);
export const nameOfPayee = statement<{ id: string }>()((db, p) =>
  db.selectFrom('payees').select('name').where('id', '=', p.id),
);
export const nameOfWorkflow = statement<{ id: string }>()((db, p) =>
  db.selectFrom('workflows').select('name').where('id', '=', p.id),
);
