import type { Expression, Kysely } from 'kysely';
import type { Schema } from '../../store/schema/schema.ts';

/**
 * The rows of `payment_history` from settled payments, with one definition for the rollback and the check: a payment counts under
 * its address, its payee and its host, and the newest by the chain's order is the last. `agent` limits the payments.
 */
export const settledHistory = (db: Kysely<Schema>, agent?: Expression<string>) =>
  db
    .with('live', (from) => {
      const live = from
        .selectFrom('payments')
        .select(['agent_id', 'address', 'payee_id', 'host', 'amount_micro', 'settled_at', 'block_number', 'log_index'])
        .where('state', 'in', ['settled', 'final'])
        .where('kind', '<>', 'top_up');
      return agent ? live.where('agent_id', '=', agent) : live;
    })
    .with('counted', (from) =>
      from
        .selectFrom('live')
        .select([
          'agent_id',
          'address as subject',
          'address',
          'amount_micro',
          'settled_at',
          'block_number',
          'log_index',
        ])
        .unionAll(
          from
            .selectFrom('live')
            .select((eb) => ['agent_id', eb.ref('payee_id').$castTo<string>().as('subject'), 'address'])
            .select(['amount_micro', 'settled_at', 'block_number', 'log_index'])
            .where('payee_id', 'is not', null),
        )
        .unionAll(
          from
            .selectFrom('live')
            .select((eb) => [
              'agent_id',
              eb(eb.val('host:'), '||', eb.ref('host')).$castTo<string>().as('subject'),
              'address',
            ])
            .select(['amount_micro', 'settled_at', 'block_number', 'log_index'])
            .where('host', 'is not', null),
        ),
    )
    .with('ranked', (from) =>
      from.selectFrom('counted').select((eb) => [
        'agent_id',
        'subject',
        'address',
        'amount_micro',
        'settled_at',
        eb.fn
          .agg<bigint>('row_number')
          .over((over) =>
            over
              .partitionBy(['agent_id', 'subject'])
              .orderBy('settled_at', 'desc')
              .orderBy('block_number', 'desc')
              .orderBy('log_index', 'desc'),
          )
          .as('n'),
      ]),
    )
    .selectFrom('ranked')
    .select((eb) => [
      'agent_id',
      'subject',
      eb.fn.max<string>(eb.case().when('n', '=', 1n).then(eb.ref('address')).end()).as('last_address'),
      eb.fn.max<bigint>(eb.case().when('n', '=', 1n).then(eb.ref('amount_micro')).end()).as('last_amount_micro'),
      eb.fn.max<bigint>('amount_micro').as('max_amount_micro'),
      eb.fn.max<bigint>(eb.case().when('n', '=', 1n).then(eb.ref('settled_at')).end()).as('last_at'),
      eb.fn.countAll<bigint>().as('settled_count'),
    ])
    .groupBy(['agent_id', 'subject']);
