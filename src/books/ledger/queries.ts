import { statement } from '../../store/statement.ts';

export const eventHead = statement()((db) =>
  db.selectFrom('events').select(['seq', 'hash']).orderBy('seq', 'desc').limit(1),
);
export const timeOfLastEvent = statement()((db) =>
  db.selectFrom('events').select('at').orderBy('seq', 'desc').limit(1),
);
export const addEvent = statement<{
  seq: bigint;
  at: number;
  type: string;
  payment: string | null;
  agent: string | null;
  body: string;
  hash: string;
}>()((db, p) =>
  db.insertInto('events').values({
    seq: p.seq,
    at: p.at,
    type: p.type,
    payment_id: p.payment,
    agent_id: p.agent,
    body: p.body,
    hash: p.hash,
  }),
);
export const eventsFrom = statement<{ after: bigint; limit: number }>()((db, p) =>
  db.selectFrom('events').selectAll().where('seq', '>', p.after).orderBy('seq').limit(p.limit),
);
export const bodiesOfPayment = statement<{ payment: string }>()((db, p) =>
  db.selectFrom('events').select('body').where('payment_id', '=', p.payment).orderBy('seq'),
);

export const addLedgerEntry = statement<{
  kind: string;
  payment: string | null;
  receivable: string | null;
  block: bigint | null;
  at: number;
  from: string;
  to: string;
  amount: bigint;
}>()((db, p) =>
  db
    .insertInto('ledger_entries')
    .values({
      kind: p.kind,
      payment_id: p.payment,
      receivable_id: p.receivable,
      block_number: p.block,
      at: p.at,
      from_account: p.from,
      to_account: p.to,
      amount_micro: p.amount,
    })
    .returning('id'),
);
/** An entry with an id that is known before it is written. */
export const addEntryAs = statement<{
  id: bigint;
  kind: string;
  payment: string;
  at: number;
  from: string;
  to: string;
  amount: bigint;
}>()((db, p) =>
  db.insertInto('ledger_entries').values({
    id: p.id,
    kind: p.kind,
    payment_id: p.payment,
    at: p.at,
    from_account: p.from,
    to_account: p.to,
    amount_micro: p.amount,
  }),
);
export const newestEntry = statement()((db) =>
  db.selectFrom('ledger_entries').select((eb) => eb.fn.max<bigint | null>('id').as('id')),
);
export const setBalance = statement<{ account: string; amount: bigint }>()((db, p) =>
  db
    .insertInto('balances')
    .values({ account: p.account, amount_micro: p.amount })
    .onConflict((conflict) =>
      conflict.column('account').doUpdateSet((eb) => ({ amount_micro: eb.ref('excluded.amount_micro') })),
    ),
);
/** Writes both sides of an entry at once. */
export const moveBalances = statement<{ from: string; minus: bigint; to: string; amount: bigint }>()((db, p) =>
  db
    .insertInto('balances')
    .values([
      { account: p.from, amount_micro: p.minus },
      { account: p.to, amount_micro: p.amount },
    ])
    .onConflict((conflict) =>
      conflict.column('account').doUpdateSet((eb) => ({
        amount_micro: eb('balances.amount_micro', '+', eb.ref('excluded.amount_micro')),
      })),
    )
    .returning(['account', 'amount_micro']),
);
export const balanceOf = statement<{ account: string }>()((db, p) =>
  db.selectFrom('balances').select('amount_micro').where('account', '=', p.account),
);
/** The sum that entries of a payment added to an account, less what they took out. */
export const movedByPayment = statement<{ payment: string; account: string }>()((db, p) =>
  db
    .selectFrom('ledger_entries')
    .select((eb) =>
      eb.fn
        .sum<bigint | null>(
          eb
            .case()
            .when('to_account', '=', p.account)
            .then(eb.ref('amount_micro'))
            .when('from_account', '=', p.account)
            .then(eb.neg(eb.ref('amount_micro')))
            .end(),
        )
        .as('sum'),
    )
    .where('payment_id', '=', p.payment),
);

export const firstInput = statement<{ payment: string }>()((db, p) =>
  db.selectFrom('decisions').select('input_json as input').where('payment_id', '=', p.payment).orderBy('seq').limit(1),
);
export const decisionsInOrder = statement()((db) => db.selectFrom('decisions').selectAll().orderBy('seq'));

/** Entries inside a rolling window that belong to one row, among the first that are read. */
export const entriesAhead = statement<{ meter: string; cut: number; limit: number; row: bigint }>()((db, p) =>
  db
    .selectFrom((eb) =>
      eb
        .selectFrom('meter_rolling')
        .select(['at', 'payment_id', 'meter_id', 'amount_micro', 'counted'])
        .where('meter', '=', p.meter)
        .where('at', '>=', p.cut)
        .orderBy('at')
        .orderBy('payment_id')
        .limit(p.limit)
        .as('first'),
    )
    .select(['at', 'amount_micro', 'counted'])
    .where('meter_id', '=', p.row)
    .orderBy('at')
    .orderBy('payment_id'),
);

export const addAlert = statement<{ type: string; agent: string | null; body: string; at: number }>()((db, p) =>
  db.insertInto('alerts').values({ type: p.type, agent_id: p.agent, body_json: p.body, raised_at: p.at }),
);
/** Raises the count of an open alert. */
export const countAlert = statement<{ id: bigint }>()((db, p, f) =>
  db
    .updateTable('alerts')
    .set((eb) => ({
      body_json: f.withJson(
        eb.ref('body_json'),
        'count',
        eb(eb.fn.coalesce(f.jsonInteger(eb.ref('body_json'), 'count'), eb.val(1n)), '+', 1n),
      ),
    }))
    .where('id', '=', p.id),
);
export const openAlertOf = statement<{ type: string; agent: string | null }>()((db, p) =>
  db
    .selectFrom('alerts')
    .select('id')
    .where('type', '=', p.type)
    .where('agent_id', 'is not distinct from', p.agent)
    .where('resolved_at', 'is', null)
    .orderBy('id')
    .limit(1),
);
export const resolveAlertsOfNobody = statement<{ type: string; at: number }>()((db, p) =>
  db
    .updateTable('alerts')
    .set({ resolved_at: p.at })
    .where('type', '=', p.type)
    .where('agent_id', 'is', null)
    .where('resolved_at', 'is', null),
);
export const resolveAlertsAt = statement<{ block: string; log: number; at: number }>()((db, p, f) =>
  db
    .updateTable('alerts')
    .set({ resolved_at: p.at })
    .where('resolved_at', 'is', null)
    .where(({ eb, ref }) => eb(f.jsonText(ref('body_json'), 'block_hash'), '=', p.block))
    .where(({ eb, ref }) => eb(f.jsonInteger(ref('body_json'), 'log_index'), '=', p.log))
    .where((eb) => eb(eb.fn.coalesce(f.jsonInteger(eb.ref('body_json'), 'count'), eb.val(1n)), '=', 1n)),
);

export const figures = statement()((db) =>
  db.selectNoFrom((eb) => [
    eb
      .selectFrom('events')
      .select((of) => of.fn.countAll<bigint>().as('n'))
      .as('events'),
    eb
      .selectFrom('ledger_entries')
      .select((of) => of.fn.countAll<bigint>().as('n'))
      .as('entries'),
    eb
      .selectFrom('payments')
      .select((of) => of.fn.countAll<bigint>().as('n'))
      .as('payments'),
    eb
      .selectFrom('transfers')
      .select((of) => of.fn.countAll<bigint>().as('n'))
      .where('state', '<>', 'orphaned')
      .as('transfers'),
    eb
      .selectFrom('wallets')
      .select((of) => of.fn.countAll<bigint>().as('n'))
      .as('wallets'),
    eb
      .selectFrom('balances')
      .select((of) => of.fn.sum<bigint | null>('amount_micro').as('sum'))
      .where('account', 'not like', 'external:%')
      .as('books'),
  ]),
);
export const newestBlock = statement<{ chain: number }>()((db, p) =>
  db.selectFrom('blocks').select(['number', 'hash']).where('chain_id', '=', p.chain).orderBy('number', 'desc').limit(1),
);
/** Wallets and purses that the follower follows. */
export const followedWallets = statement<{ chain: number }>()((db, p) =>
  db
    .selectFrom('wallets as w')
    .innerJoin('watched as t', (join) =>
      join.onRef('t.chain_id', '=', 'w.chain_id').onRef('t.agent_id', '=', 'w.agent_id'),
    )
    .select(['w.agent_id', 'w.address', 'w.purse_address'])
    .where('w.chain_id', '=', p.chain)
    .orderBy('w.agent_id'),
);
