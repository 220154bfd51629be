import { statement } from '../../store/statement.ts';
import { settledHistory } from './settledHistory.ts';

/** Equals `holdsMoney` of the state table; a test compares the two, because the ledger does not import the rules of payments. */
export const holdingStates = ['in_review', 'authorized', 'submitted'] as const;
export const movedStates = [...holdingStates, 'settled', 'final'] as const;
/** The number of rows in one sentence; one more is read, to report that there are others. */
export const NAMED = 5;
const READ = NAMED + 1;

export const oddEntries = statement()((db) =>
  db
    .selectFrom('ledger_entries')
    .select(['id', 'amount_micro', 'from_account', 'to_account'])
    .where(({ eb, and, not }) =>
      not(
        and([
          eb('amount_micro', '>', 0n),
          eb('from_account', '<>', eb.ref('to_account')),
          eb('from_account', '<>', ''),
          eb('to_account', '<>', ''),
        ]),
      ),
    )
    .limit(READ),
);

export const gapsInEntries = statement()((db) =>
  db
    .selectFrom('ledger_entries')
    .select((eb) => [eb.fn.countAll<bigint>().as('n'), eb.fn.max<bigint | null>('id').as('last')])
    .having((eb) => eb.or([eb(eb.fn.max('id'), '<>', eb.fn.countAll<bigint>()), eb(eb.fn.min('id'), '<>', 1n)])),
);

export const balancesUnlikePostings = statement()((db) =>
  db
    .selectFrom(
      db
        .selectFrom('balances')
        .select((eb) => ['account', 'amount_micro as balance', eb.val(0n).as('posted')])
        .unionAll(
          db.selectFrom('postings').select((eb) => ['account', eb.val(0n).as('balance'), 'amount_micro as posted']),
        )
        .as('both'),
    )
    .select((eb) => ['account', eb.fn.sum<bigint>('balance').as('balance'), eb.fn.sum<bigint>('posted').as('posted')])
    .groupBy('account')
    .having((eb) => eb(eb.fn.sum<bigint>('balance'), '<>', eb.fn.sum<bigint>('posted')))
    .unionAll(
      db
        .selectFrom('balances')
        .select((eb) => ['account', 'amount_micro as balance', eb.val(0n).as('posted')])
        .where('account', 'not in', (eb) => eb.selectFrom('postings').select('account')),
    )
    .unionAll(
      db
        .selectFrom('postings')
        .select((eb) => ['account', eb.val(0n).as('balance'), eb.val(0n).as('posted')])
        .where('account', 'not in', (eb) => eb.selectFrom('balances').select('account')),
    )
    .limit(READ),
);

export const reservesUnlikeHolds = statement()((db) =>
  db
    .selectFrom(
      db
        .selectFrom('payments')
        .select((eb) => [
          eb(
            eb.ref('agent_id'),
            '||',
            eb.case('rail').when('wallet').then(eb.val(':reserved')).else(eb.val(':purse_reserved')).end(),
          )
            .$castTo<string>()
            .as('account'),
          'held_micro as held',
          eb.val(0n).as('reserved'),
        ])
        .where('held_micro', '<>', 0n)
        .unionAll(
          db
            .selectFrom('balances')
            .select((eb) => ['account', eb.val(0n).as('held'), 'amount_micro as reserved'])
            .where(({ eb, or }) =>
              or([eb('account', 'like', '%:reserved'), eb('account', 'like', '%:purse_reserved')]),
            ),
        )
        .as('both'),
    )
    .select((eb) => ['account', eb.fn.sum<bigint>('held').as('held'), eb.fn.sum<bigint>('reserved').as('reserved')])
    .groupBy('account')
    .having((eb) => eb(eb.fn.sum<bigint>('held'), '<>', eb.fn.sum<bigint>('reserved')))
    .limit(READ),
);

export const idleHolds = statement()((db) =>
  db
    .selectFrom('payments')
    .select(['id', 'state', 'held_micro'])
    .where('held_micro', '<>', 0n)
    .where('state', 'not in', holdingStates)
    .limit(READ),
);

export const partialHolds = statement()((db) =>
  db
    .selectFrom('payments')
    .select(['id', 'state', 'held_micro', 'amount_micro'])
    .whereRef('held_micro', '<>', 'amount_micro')
    .where(({ eb, or, and }) =>
      or([
        eb('state', '=', 'submitted'),
        and([eb('rail', '=', 'wallet'), eb('state', 'in', ['in_review', 'authorized'])]),
      ]),
    )
    .limit(READ),
);

/** A nonce is an epoch and an index; a recovery continues at a multiple of 128. */
export const oddNonces = statement()((db) =>
  db
    .selectFrom('wallets as w')
    .leftJoin(
      (eb) =>
        eb
          .selectFrom('payments')
          .select((of) => [
            'agent_id',
            'chain_id',
            of('wallet_nonce', '>>', 32n).as('epoch'),
            of.fn.max<bigint | null>('wallet_nonce').as('last'),
          ])
          .groupBy(['agent_id', 'chain_id', 'epoch'])
          .as('n'),
      (join) =>
        join
          .onRef('n.agent_id', '=', 'w.agent_id')
          .onRef('n.chain_id', '=', 'w.chain_id')
          .on((eb) => eb(eb.ref('n.epoch'), '=', eb('w.next_nonce', '>>', 32n))),
    )
    .select(['w.agent_id', 'w.next_nonce', 'n.last'])
    .where((eb) => eb('w.next_nonce', '<>', eb.fn.coalesce(eb('n.last', '+', 1n), eb.val(0n))))
    .where(({ eb, and, not }) =>
      not(
        and([
          eb('w.next_nonce', '>', eb.fn.coalesce('n.last', eb.val(0n))),
          eb(eb('w.next_nonce', '%', 128n), '=', 0n),
        ]),
      ),
    )
    .limit(READ),
);

const historyColumns = [
  'agent_id',
  'subject',
  'last_address',
  'last_amount_micro',
  'max_amount_micro',
  'last_at',
  'settled_count',
] as const;
export const oddHistory = statement()((db) =>
  db
    .selectFrom(
      db
        .selectFrom('payment_history')
        .select(historyColumns)
        .select(({ val }) => [val(1n).as('side'), val(1n).as('stored')])
        .unionAll(
          db
            .selectFrom(settledHistory(db).as('made'))
            .select(historyColumns)
            .select(({ val }) => [val(-1n).as('side'), val(0n).as('stored')]),
        )
        .as('both'),
    )
    .select(({ fn, eb }) => [
      'agent_id',
      'subject',
      fn.sum<bigint>(eb('settled_count', '*', eb.ref('side'))).as('count'),
      fn.max<bigint>('stored').as('stored'),
    ])
    .groupBy(historyColumns)
    .having(({ eb, fn }) => eb(fn.countAll<bigint>(), '<>', 2n))
    .limit(READ),
);

export const settledWithoutTransfer = statement()((db) =>
  db
    .selectFrom((from) =>
      from
        .selectFrom('payments as p')
        .leftJoin('transfers as t', (join) =>
          join.on('t.match_kind', '=', 'payment').onRef('t.match_id', '=', 'p.id').on('t.state', '<>', 'orphaned'),
        )
        .select(['p.id', 'p.state'])
        .select(({ eb, fn, and, ref }) => [
          fn.count<bigint>('t.tx_hash').as('n'),
          fn
            .sum<bigint>(
              eb
                .case()
                .when(
                  and([
                    eb(ref('t.tx_hash').$castTo<string | null>(), 'is not distinct from', ref('p.tx_hash')),
                    eb('t.log_index', 'is not distinct from', ref('p.log_index')),
                    eb(ref('t.block_hash').$castTo<string | null>(), 'is not distinct from', ref('p.block_hash')),
                    eb('t.amount_micro', 'is not distinct from', ref('p.amount_micro')),
                  ]),
                )
                .then(eb.val(1n))
                .else(eb.val(0n))
                .end(),
            )
            .as('same'),
        ])
        .where('p.state', 'in', ['settled', 'final'])
        .groupBy('p.id')
        .as('settled'),
    )
    .selectAll()
    .where(({ eb, or }) => or([eb('n', '<>', 1n), eb('same', '<>', 1n)]))
    .limit(READ),
);

export const settledWithoutEvent = statement()((db) =>
  db
    .selectFrom('payments')
    .select(['id', 'state'])
    .where('state', 'in', ['settled', 'final'])
    .where(({ exists, not, selectFrom }) =>
      not(
        exists(
          selectFrom('events')
            .select('events.seq')
            .whereRef('events.payment_id', '=', 'payments.id')
            .where((eb) =>
              eb('events.type', '=', eb(eb.val('payment.'), '||', eb.ref('payments.state')).$castTo<string>()),
            ),
        ),
      ),
    )
    .limit(READ),
);

export const transfersWithoutMatch = statement()((db) =>
  db
    .selectFrom('transfers as t')
    .leftJoin('payments as p', (join) => join.on('t.match_kind', '=', 'payment').onRef('p.id', '=', 't.match_id'))
    .leftJoin('receivables as r', (join) => join.on('t.match_kind', '=', 'receivable').onRef('r.id', '=', 't.match_id'))
    .select(['t.tx_hash', 't.log_index', 't.match_kind', 't.match_id'])
    .where('t.state', '<>', 'orphaned')
    .where('t.match_kind', 'in', ['payment', 'receivable'])
    .where(({ eb, fn, not, ref, lit }) =>
      not(
        fn.coalesce(
          eb(
            ref('p.state').$castTo<string>(),
            '=',
            eb.case('t.state').when('final').then(eb.val('final')).else(eb.val('settled')).end(),
          ),
          lit(false),
        ),
      ),
    )
    .where(({ eb, fn, not, lit }) => not(fn.coalesce(eb('r.state', '=', eb.ref('t.state')), lit(false))))
    .limit(READ),
);
