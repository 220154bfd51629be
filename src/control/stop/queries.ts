import { workingStates } from '../../core/payment/states.ts';
import { statement } from '../../store/statement.ts';

export const newStop = statement<{ agent: string; reason: string; actor: string; server: string; at: number }>()(
  (db, p) =>
    db
      .insertInto('stops')
      .values({ agent_id: p.agent, reason: p.reason, actor: p.actor, server_json: p.server, started_at: p.at })
      .returningAll(),
);
export const newestStopOf = statement<{ agent: string }>()((db, p) =>
  db.selectFrom('stops').selectAll().where('agent_id', '=', p.agent).orderBy('id', 'desc').limit(1),
);
export const stopsUnderWay = statement()((db) =>
  db.selectFrom('stops').selectAll().where('ended_at', 'is', null).orderBy('id').limit(1000),
);
export const newestStops = statement<{ limit: number }>()((db, p) =>
  db
    .selectFrom('stops')
    .selectAll()
    .where('id', 'in', (eb) =>
      eb
        .selectFrom('stops')
        .select((of) => of.fn.max<bigint>('id').as('id'))
        .groupBy('agent_id'),
    )
    .orderBy('id', 'desc')
    .limit(p.limit),
);
export const setServerPart = statement<{ id: bigint; server: string }>()((db, p) =>
  db.updateTable('stops').set({ server_json: p.server }).where('id', '=', p.id),
);
export const setChainPart = statement<{
  id: bigint;
  chain: string;
  frozen: number | null;
  safe: number | null;
  ended: number | null;
}>()((db, p) =>
  db
    .updateTable('stops')
    .set({ chain_json: p.chain, frozen_at: p.frozen, safe_at: p.safe, ended_at: p.ended })
    .where('id', '=', p.id)
    .where('ended_at', 'is', null),
);

export const stopPayouts = statement<{ agent: string; at: number }>()((db, p) =>
  db
    .updateTable('payouts')
    .set({ state: 'stopped', updated_at: p.at })
    .where('agent_id', '=', p.agent)
    .where('state', '=', 'deciding'),
);
export const activeSchedules = statement<{ agent: string }>()((db, p) =>
  db.selectFrom('schedules').select('id').where('agent_id', '=', p.agent).where('status', '=', 'active'),
);
export const openMandates = statement<{ agent: string }>()((db, p) =>
  db.selectFrom('mandates').select('id').where('agent_id', '=', p.agent).where('status', 'in', ['active', 'requested']),
);

/** Payments of the agent that are not settled yet. */
export const unsettled = statement<{ agent: string; limit: number }>()((db, p) =>
  db
    .selectFrom('payments')
    .selectAll()
    .where('state', 'in', workingStates)
    .where('state', 'in', ['in_review', 'authorized', 'submitted'])
    .where('agent_id', '=', p.agent)
    .orderBy('id')
    .limit(p.limit),
);
export const paymentById = statement<{ id: string }>()((db, p) =>
  db.selectFrom('payments').selectAll().where('id', '=', p.id),
);

export const submittedAuthorizations = statement<{ agent: string }>()((db, p) =>
  db
    .selectFrom('payments as p')
    .innerJoin('x402_authorizations as x', 'x.payment_id', 'p.id')
    .select(['x.payment_id', 'x.purse', 'x.nonce', 'x.value_micro', 'x.valid_before_s'])
    .where('p.state', 'in', workingStates)
    .where('p.state', '=', 'submitted')
    .where('p.agent_id', '=', p.agent)
    .orderBy('p.id')
    .limit(500),
);

/** Micro-USDC of wallet payments with a transaction that can still pay, or has paid and is not final. */
export const signedMoney = statement<{ agent: string }>()((db, p) =>
  db
    .selectFrom('payments as p')
    .select((eb) => eb.fn.sum<bigint | null>('p.amount_micro').as('micro'))
    .where('p.state', 'in', workingStates)
    .where('p.state', 'in', ['authorized', 'submitted'])
    .where('p.agent_id', '=', p.agent)
    .where('p.rail', '=', 'wallet')
    .where(({ exists, selectFrom }) =>
      exists(
        selectFrom('transaction_payments as tp')
          .innerJoin('transactions as t', 't.id', 'tp.transaction_id')
          .select('t.id')
          .whereRef('tp.payment_id', '=', 'p.id')
          .where(({ eb, or, and }) =>
            or([
              eb('t.state', '=', 'pending'),
              eb('t.state', '=', 'mined'),
              and([eb('t.state', '=', 'final'), eb('t.succeeded', '=', 1n)]),
            ]),
          ),
      ),
    ),
);

/** Wallet payments that were signed and of which every transaction is permanently dropped or reverted. */
export const withoutLiveTransaction = statement<{ agent: string }>()((db, p) =>
  db
    .selectFrom('payments as p')
    .select(['p.id', 'p.wallet_nonce as nonce'])
    .where('p.state', 'in', workingStates)
    .where('p.state', '=', 'submitted')
    .where('p.rail', '=', 'wallet')
    .where('p.agent_id', '=', p.agent)
    .where('p.wallet_nonce', 'is not', null)
    .where(({ exists, not, selectFrom }) =>
      not(
        exists(
          selectFrom('transaction_payments as tp')
            .innerJoin('transactions as t', 't.id', 'tp.transaction_id')
            .select('t.id')
            .whereRef('tp.payment_id', '=', 'p.id')
            .where('t.state', '<>', 'dropped')
            .where(({ eb, and, not: isNot }) => isNot(and([eb('t.state', '=', 'final'), eb('t.succeeded', '=', 0n)]))),
        ),
      ),
    )
    .orderBy('p.id')
    .limit(200),
);

/** The results of the calls of one purpose by one sender. */
export const callsSent = statement<{ purpose: string; sender: string }>()((db, p) =>
  db
    .selectFrom('transactions')
    .select(({ fn }) => [
      fn.countAll<bigint>().filterWhere('state', 'in', ['queued', 'pending']).as('open'),
      fn
        .countAll<bigint>()
        .filterWhere(({ eb, or }) => or([eb('state', '=', 'dropped'), eb('succeeded', '=', 0n)]))
        .as('failed'),
      fn.max<bigint | null>('created_at').as('last'),
    ])
    .where('purpose', '=', p.purpose)
    .where('sender', '=', p.sender as `0x${string}`),
);
export const queuedCalls = statement<{ purpose: string }>()((db, p) =>
  db.selectFrom('transactions').select('id').where('purpose', '=', p.purpose).where('state', '=', 'queued'),
);
export const firstCallLike = statement<{ purpose: string }>()((db, p) =>
  db.selectFrom('transactions').select('id').where('purpose', 'like', p.purpose).limit(1),
);
export const firstOpenCallLike = statement<{ purpose: string }>()((db, p) =>
  db
    .selectFrom('transactions')
    .select('id')
    .where('purpose', 'like', p.purpose)
    .where('state', 'in', ['queued', 'pending', 'mined'])
    .limit(1),
);

/** Senders whose queue reports that it cannot send now. */
export const stuckSenders = statement()((db, _, f) =>
  db
    .selectFrom('alerts')
    .select((eb) => f.jsonText(eb.ref('body_json'), 'subject').as('subject'))
    .where('resolved_at', 'is', null)
    .where('type', 'in', ['chain_inconsistent', 'insufficient_gas', 'fees_above_cap', 'broadcast_refused']),
);
