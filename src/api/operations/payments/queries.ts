import type { Hex } from 'viem';
import { statement } from '../../../store/statement.ts';

/** Decisions before one, newest first. */
export const decisionsBefore = statement<{ before: number; limit: number }>()((db, p, f) =>
  db
    .selectFrom('decisions as d')
    .innerJoin('payments as p', 'p.id', 'd.payment_id')
    .selectAll('d')
    .select(['p.agent_id', 'p.amount_micro', 'p.state', 'p.updated_at', 'p.settled_at', 'p.refund_of'])
    .select(({ exists, not, selectFrom }) =>
      f
        .flag(
          not(
            exists(
              selectFrom('decisions as e')
                .select('e.seq')
                .whereRef('e.payment_id', '=', 'd.payment_id')
                .whereRef('e.seq', '<', 'd.seq'),
            ),
          ),
        )
        .as('is_first'),
    )
    .where('d.seq', '<', p.before)
    .orderBy('d.seq', 'desc')
    .limit(p.limit),
);

export const newestOccurrences = statement<{ schedule: string; limit: number }>()((db, p) =>
  db
    .selectFrom('occurrences')
    .select(['due_at', 'outcome', 'payment_id', 'detail'])
    .where('schedule_id', '=', p.schedule)
    .orderBy('due_at', 'desc')
    .limit(p.limit),
);

/** The last key between two. No index on the agent: keys are narrow, and an agent may have a million payments. */
export const lastKeyBetween = statement<{ agent: string; after: string; before: string }>()((db, p, f) =>
  db
    .selectFrom('payments')
    .select(['idempotency_key', 'state'])
    .where(({ eb, ref }) => eb(f.unindexed(ref('agent_id')), '=', p.agent))
    .where('idempotency_key', '>', p.after)
    .where('idempotency_key', '<', p.before)
    .orderBy('idempotency_key', 'desc')
    .limit(1),
);

/** The data that a purse signed for a payment, without the signature. */
export const signedTerms = statement<{ payment: string }>()((db, p) =>
  db
    .selectFrom('x402_authorizations')
    .select(['purse', 'pay_to', 'value_micro', 'nonce', 'valid_after_s', 'valid_before_s', 'cancelled_at'])
    .where('payment_id', '=', p.payment),
);
export const walletAddressOn = statement<{ agent: string; chain: number }>()((db, p) =>
  db.selectFrom('wallets').select('address').where('agent_id', '=', p.agent).where('chain_id', '=', p.chain),
);

export const verdictsOf = statement<{ payment: string }>()((db, p) =>
  db
    .selectFrom('approvals as a')
    .innerJoin('approvers as r', 'r.id', 'a.approver_id')
    .select(['r.name', 'a.verdict', 'a.counts', 'a.reason', 'a.signed_at'])
    .where('a.payment_id', '=', p.payment)
    .orderBy('a.signed_at'),
);
export const refundsOfPayment = statement<{ payment: string }>()((db, p) =>
  db.selectFrom('payments').select('id').where('refund_of', '=', p.payment).orderBy('id'),
);
/** The gas of a transaction of the relayer, and the number of payments in it. */
export const gasByHash = statement<{ hash: Hex }>()((db, p) =>
  db
    .selectFrom('transaction_attempts as a')
    .innerJoin('transactions as t', 't.id', 'a.transaction_id')
    .select('t.gas_used')
    .select((eb) =>
      eb
        .selectFrom('transaction_payments as p')
        .select(({ fn }) => fn.countAll<bigint>().as('n'))
        .whereRef('p.transaction_id', '=', 't.id')
        .as('n'),
    )
    .where('a.hash', '=', p.hash),
);

/** Held amounts of an agent's wallet payments that the chain has not counted yet. */
export const heldOnTheWay = statement<{ agent: string }>()((db, p) =>
  db
    .selectFrom('payments')
    .select(({ fn }) => fn.sum<bigint | null>('held_micro').as('micro'))
    .where('agent_id', '=', p.agent)
    .where('rail', '=', 'wallet')
    .where('state', 'in', ['authorized', 'submitted']),
);
