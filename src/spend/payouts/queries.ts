import type { ExpressionBuilder } from 'kysely';
import type { Schema } from '../../store/schema/schema.ts';
import { statement } from '../../store/statement.ts';

export const newPayout = statement<{
  id: string;
  agent: string;
  key: string;
  hash: string;
  state: 'deciding' | 'decided' | 'stopped';
  askedBy: string;
  total: number;
  micro: bigint;
  at: number;
}>()((db, p) =>
  db.insertInto('payouts').values({
    id: p.id,
    agent_id: p.agent,
    idempotency_key: p.key,
    content_hash: p.hash,
    state: p.state,
    asked_by: p.askedBy,
    total: p.total,
    total_micro: p.micro,
    created_at: p.at,
    updated_at: p.at,
  }),
);
export const newLine = statement<{
  payout: string;
  line: number;
  id: string;
  micro: bigint;
  payee: string | null;
  address: string | null;
  category: string | null;
  memo: string | null;
  workflow: string | null;
  run: string | null;
}>()((db, p) =>
  db.insertInto('payout_lines').values({
    payout_id: p.payout,
    line: p.line,
    line_id: p.id,
    amount_micro: p.micro,
    payee: p.payee,
    address: p.address,
    category: p.category,
    memo: p.memo,
    workflow: p.workflow,
    run: p.run,
  }),
);

export const payoutByKey = statement<{ agent: string; key: string }>()((db, p) =>
  db.selectFrom('payouts').selectAll().where('agent_id', '=', p.agent).where('idempotency_key', '=', p.key),
);
export const payoutById = statement<{ id: string }>()((db, p) =>
  db.selectFrom('payouts').selectAll().where('id', '=', p.id),
);
export const oldestDeciding = statement()((db) =>
  db.selectFrom('payouts').selectAll().where('state', '=', 'deciding').orderBy('id').limit(100),
);
export const decidingPayout = statement<{ id: string }>()((db, p) =>
  db.selectFrom('payouts').select('asked_by').where('id', '=', p.id).where('state', '=', 'deciding'),
);
export const setState = statement<{
  id: string;
  state: 'deciding' | 'decided' | 'stopped';
  askedBy: string;
  at: number;
}>()((db, p) =>
  db.updateTable('payouts').set({ state: p.state, asked_by: p.askedBy, updated_at: p.at }).where('id', '=', p.id),
);
export const closeDecided = statement<{ id: string; at: number }>()((db, p) =>
  db
    .updateTable('payouts')
    .set({ state: 'decided', updated_at: p.at })
    .where('id', '=', p.id)
    .where('state', '=', 'deciding')
    .where(({ exists, not, selectFrom }) =>
      not(
        exists(
          selectFrom('payout_lines as l')
            .select('l.line')
            .whereRef('l.payout_id', '=', 'payouts.id')
            .where('l.payment_id', 'is', null)
            .where('l.refused_code', 'is', null),
        ),
      ),
    ),
);

export const unansweredLines = statement<{ payout: string; limit: number }>()((db, p) =>
  db
    .selectFrom('payout_lines')
    .selectAll()
    .where('payout_id', '=', p.payout)
    .where('payment_id', 'is', null)
    .where('refused_code', 'is', null)
    .orderBy('line')
    .limit(p.limit),
);
export const linesFrom = statement<{ payout: string; after: number; limit: number }>()((db, p) =>
  db
    .selectFrom('payout_lines')
    .selectAll()
    .where('payout_id', '=', p.payout)
    .where('line', '>', p.after)
    .orderBy('line')
    .limit(p.limit),
);
export const setLinePayment = statement<{ payout: string; line: number; payment: string }>()((db, p) =>
  db
    .updateTable('payout_lines')
    .set({ payment_id: p.payment })
    .where('payout_id', '=', p.payout)
    .where('line', '=', p.line),
);
export const setLineRefused = statement<{ payout: string; line: number; code: string; message: string }>()((db, p) =>
  db
    .updateTable('payout_lines')
    .set({ refused_code: p.code, refused_message: p.message })
    .where('payout_id', '=', p.payout)
    .where('line', '=', p.line),
);

/**
 * Lines that moved no money and cannot any more. Those that a person rejected or withdrew are left out, because that was intended.
 */
const movedNothing = ({ eb, or, selectFrom }: ExpressionBuilder<Schema, 'payout_lines'>, payout: string) =>
  or([
    eb('refused_code', 'is not', null),
    eb(
      'payment_id',
      'in',
      selectFrom('payments')
        .select('payments.id')
        .where('payments.batch_id', '=', payout)
        .where('payments.state', 'in', ['denied', 'expired', 'failed']),
    ),
  ]);
export const linesThatMovedNothing = statement<{ payout: string }>()((db, p) =>
  db
    .selectFrom('payout_lines')
    .selectAll()
    .where('payout_id', '=', p.payout)
    .where((eb) => movedNothing(eb, p.payout))
    .orderBy('line'),
);
export const reopenThoseLines = statement<{ payout: string }>()((db, p) =>
  db
    .updateTable('payout_lines')
    .set((eb) => ({ attempt: eb('attempt', '+', 1n), payment_id: null, refused_code: null, refused_message: null }))
    .where('payout_id', '=', p.payout)
    .where((eb) => movedNothing(eb, p.payout)),
);

/** The number of lines in each state, and their sum in micro-USDC. */
export const linesByState = statement<{ payout: string }>()((db, p) =>
  db
    .with('answered', (from) =>
      from
        .selectFrom('payout_lines as l')
        .leftJoin('payments as p', 'p.id', 'l.payment_id')
        .select(['l.amount_micro'])
        .select(({ eb, fn, val }) =>
          eb
            .case()
            .when('l.refused_code', 'is not', null)
            .then('refused')
            .else(fn.coalesce('p.state', val('waiting')))
            .end()
            .as('state'),
        )
        .where('l.payout_id', '=', p.payout),
    )
    .selectFrom('answered')
    .select(({ fn }) => ['state', fn.countAll<bigint>().as('lines'), fn.sum<bigint>('amount_micro').as('micro')])
    .groupBy('state'),
);
export const transactionsFor = statement<{ payout: string }>()((db, p) =>
  db
    .selectFrom('transactions')
    .select(({ fn }) => [
      fn.countAll<bigint>().filterWhere('state', 'in', ['mined', 'final']).as('mined'),
      fn.countAll<bigint>().filterWhere('state', 'in', ['queued', 'pending']).as('open'),
      fn.sum<bigint | null>('gas_used').as('gas'),
    ])
    .where('id', 'in', (from) =>
      from
        .selectFrom('payments as p')
        .innerJoin('transaction_payments as t', 't.payment_id', 'p.id')
        .select('t.transaction_id')
        .where('p.batch_id', '=', p.payout),
    ),
);

export const earlierPayouts = statement<{ agent: string; payout: string; since: number }>()((db, p) =>
  db
    .selectFrom('payouts')
    .select(['id', 'idempotency_key', 'total', 'created_at'])
    .where('agent_id', '=', p.agent)
    .where('id', '<>', p.payout)
    .where('created_at', '>=', p.since)
    .orderBy('created_at', 'desc')
    .orderBy('id', 'desc')
    .limit(200),
);
/** Counts lines that moved money, or may, and equal a wanted one: see `comparable`. */
export const equalLines = statement<{ payout: string; wanted: readonly string[] }>()((db, p, f) =>
  db
    .selectFrom('payout_lines as l')
    .leftJoin('payments as p', 'p.id', 'l.payment_id')
    .select(({ fn }) => fn.countAll<bigint>().as('n'))
    .where('l.payout_id', '=', p.payout)
    .where('l.refused_code', 'is', null)
    .where(({ eb, or }) =>
      or([eb('p.id', 'is', null), eb('p.state', 'not in', ['denied', 'rejected', 'expired', 'failed', 'cancelled'])]),
    )
    .where(({ ref }) =>
      f.isAnyOf(
        f.jsonList(
          f.asText(ref('l.amount_micro')),
          ref('l.payee'),
          ref('l.address'),
          ref('l.category'),
          ref('l.memo'),
          ref('l.workflow'),
        ),
        p.wanted,
      ),
    ),
);
