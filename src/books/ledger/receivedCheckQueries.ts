import { statement } from '../../store/statement.ts';
import { movedStates, NAMED } from './bookQueries.ts';

const READ = NAMED + 1;

export const oddEarnings = statement()((db) =>
  db
    .selectFrom(
      db
        .selectFrom('earnings')
        .select((eb) => ['agent_id as agent', 'received_micro as received', eb.val(0n).as('booked')])
        .select((eb) => ['passed_on_micro as passed', eb.val(0n).as('paid')])
        .unionAll(
          db
            .selectFrom('receivables')
            .select((eb) => ['agent_id as agent', eb.val(0n).as('received'), 'amount_micro as booked'])
            .select((eb) => [eb.val(0n).as('passed'), eb.val(0n).as('paid')])
            .where('state', '<>', 'orphaned')
            .where('kind', 'in', ['agent_payment', 'x402_sale', 'invoice']),
        )
        .unionAll(
          db
            .selectFrom('payments')
            .select((eb) => ['agent_id as agent', eb.val(0n).as('received'), eb.val(0n).as('booked')])
            .select((eb) => [eb.val(0n).as('passed'), 'amount_micro as paid'])
            .where('kind', 'in', ['refund', 'split'])
            .where('state', 'in', movedStates),
        )
        .as('all'),
    )
    .select((eb) => [
      'agent',
      eb.fn.sum<bigint>('received').as('received'),
      eb.fn.sum<bigint>('booked').as('booked'),
      eb.fn.sum<bigint>('passed').as('passed'),
      eb.fn.sum<bigint>('paid').as('paid'),
    ])
    .groupBy('agent')
    .having(({ eb, or, fn }) =>
      or([
        eb(fn.sum<bigint>('received'), '<>', fn.sum<bigint>('booked')),
        eb(fn.sum<bigint>('passed'), '<>', fn.sum<bigint>('paid')),
      ]),
    )
    .limit(READ),
);

export const oddInvoices = statement()((db) =>
  db
    .selectFrom('invoices as i')
    .leftJoin('receivables as r', (join) => join.onRef('r.invoice_id', '=', 'i.id').on('r.state', '<>', 'orphaned'))
    .select(({ fn, val }) => [
      'i.id',
      'i.received_micro as shown',
      fn.coalesce(fn.sum<bigint>('r.amount_micro'), val(0n)).as('came'),
    ])
    .groupBy('i.id')
    .having(({ eb, fn, val }) => eb('i.received_micro', '<>', fn.coalesce(fn.sum<bigint>('r.amount_micro'), val(0n))))
    .limit(READ),
);

export const refundsAboveReceipts = statement()((db) =>
  db
    .selectFrom('receivables as r')
    .innerJoin('payments as p', (join) =>
      join.onRef('p.receivable_id', '=', 'r.id').on('p.kind', '=', 'refund').on('p.state', 'in', movedStates),
    )
    .select(({ fn }) => ['r.id', 'r.amount_micro as received', fn.sum<bigint>('p.amount_micro').as('refunded')])
    .groupBy('r.id')
    .having(({ eb, fn }) => eb(fn.sum<bigint>('p.amount_micro'), '>', eb.ref('r.amount_micro')))
    .limit(READ),
);
