import type { Expression, Kysely } from 'kysely';
import type { Address, Hex } from 'viem';
import { workingStates } from '../../core/payment/states.ts';
import type { Schema } from '../../store/schema/schema.ts';
import { statement } from '../../store/statement.ts';

/** Transactions that could still pay the payment. */
const liveOf = (db: Kysely<Schema>, payment: Expression<string>) =>
  db
    .selectFrom('transaction_payments as tp')
    .innerJoin('transactions as t', 't.id', 'tp.transaction_id')
    .select('t.id')
    .where('tp.payment_id', '=', payment)
    .where('t.state', '<>', 'dropped')
    .where(({ eb, and, not }) => not(and([eb('t.state', '=', 'final'), eb('t.succeeded', '=', 0n)])));
const newestOf = (db: Kysely<Schema>, payment: Expression<string>) =>
  db
    .selectFrom('transaction_payments')
    .select((eb) => eb.fn.max<bigint | null>('transaction_id').as('id'))
    .where('payment_id', '=', payment);
/** The payment's newest transaction, if it was refused or reverted: the chain's state is asked before the payment goes again. */
const refusedOf = (db: Kysely<Schema>, payment: Expression<string>) =>
  db
    .selectFrom('transactions as t')
    .select('t.id')
    .where('t.id', '=', newestOf(db, payment))
    .where(({ eb, or }) =>
      or([
        eb('t.drop_reason', 'in', ['refused', 'no_contract', 'dependency_failed', 'withheld']),
        eb('t.succeeded', '=', 0n),
      ]),
    );
/** The transactions that carried the payment. */
const carriersOf = (db: Kysely<Schema>, payment: Expression<string>) =>
  db
    .selectFrom('transaction_payments as c')
    .innerJoin('transactions as r', 'r.id', 'c.transaction_id')
    .select((eb) => eb.fn.countAll<bigint>().as('n'))
    .where('c.payment_id', '=', payment);

/** Wallet payments that wait, and whose newest transaction was refused or reverted for good. */
export const ended = statement<{ except: readonly string[]; limit: number }>()((db, p, f) =>
  db
    .selectFrom('payments as p')
    .innerJoin('transactions as t', (join) => join.on(({ eb, ref }) => eb('t.id', '=', newestOf(db, ref('p.id')))))
    .selectAll('p')
    .select(['t.id as t_id', 't.drop_reason as t_reason', 't.drop_detail as t_detail'])
    .select(({ ref, selectFrom, fn }) => [
      selectFrom('transaction_payments as c')
        .select(fn.countAll<bigint>().as('n'))
        .whereRef('c.transaction_id', '=', 't.id')
        .$asScalar()
        .$notNull()
        .as('together'),
      carriersOf(db, ref('p.id')).where('r.succeeded', '=', 0n).$asScalar().$notNull().as('reverts'),
      carriersOf(db, ref('p.id')).where('r.drop_reason', '=', 'nonce_gap').$asScalar().$notNull().as('gapped'),
    ])
    .where('p.state', 'in', workingStates)
    .where('p.state', 'in', ['authorized', 'submitted'])
    .where('p.rail', '=', 'wallet')
    .where(({ exists, not, ref }) => not(exists(liveOf(db, ref('p.id')))))
    .where(({ exists, ref }) => exists(refusedOf(db, ref('p.id'))))
    .where(({ ref }) => f.isNoneOf(ref('p.id'), p.except))
    .orderBy('t.id')
    .orderBy('p.id')
    .limit(p.limit),
);

/** Wallet payments of active agents that no live transaction carries. */
const unsent = (db: Kysely<Schema>) =>
  db
    .selectFrom('payments as p')
    .innerJoin('agents as a', 'a.id', 'p.agent_id')
    .selectAll('p')
    .where('p.state', 'in', workingStates)
    .where('p.state', 'in', ['authorized', 'submitted'])
    .where('p.rail', '=', 'wallet')
    .where('a.status', '=', 'active')
    .where(({ exists, not, ref }) => not(exists(liveOf(db, ref('p.id')))));
/** `cleared`: refused or reverted before, and may go again. `tried`: transactions that were refused or reverted. */
export const toQueue = statement<{ cleared: readonly string[]; waiting: readonly string[]; limit: number }>()(
  (db, p, f) =>
    unsent(db)
      .select(({ ref }) =>
        carriersOf(db, ref('p.id'))
          .where(({ eb, or }) =>
            or([eb('r.drop_reason', 'in', ['refused', 'no_contract']), eb('r.succeeded', '=', 0n)]),
          )
          .$asScalar()
          .$notNull()
          .as('tried'),
      )
      .where(({ exists, not, or, ref }) =>
        or([not(exists(refusedOf(db, ref('p.id')))), f.isAnyOf(ref('p.id'), p.cleared)]),
      )
      .where(({ ref }) => f.isNoneOf(ref('p.id'), p.waiting))
      .orderBy('p.id')
      .limit(p.limit),
);
export const toApprove = statement<{ waiting: readonly string[]; limit: number }>()((db, p, f) =>
  unsent(db)
    .where('p.requires_chain_approval', '=', 1n)
    .where(({ ref }) => f.isNoneOf(ref('p.id'), p.waiting))
    .orderBy('p.id')
    .limit(p.limit),
);
export const signedButAuthorized = statement()((db) =>
  db
    .selectFrom('payments as p')
    .innerJoin('transaction_payments as tp', 'tp.payment_id', 'p.id')
    .innerJoin('transactions as t', 't.id', 'tp.transaction_id')
    .selectAll('p')
    .distinct()
    .where('p.state', 'in', workingStates)
    .where('p.state', '=', 'authorized')
    .where('t.state', 'in', ['pending', 'mined', 'final'])
    .orderBy('p.id')
    .limit(1000),
);
export const unsignedOfRevoked = statement()((db) =>
  db
    .selectFrom('payments as p')
    .innerJoin('agents as a', 'a.id', 'p.agent_id')
    .selectAll('p')
    .where('p.state', 'in', workingStates)
    .where('p.state', 'in', ['authorized', 'in_review'])
    .where('a.status', '=', 'revoked')
    .orderBy('p.id')
    .limit(1000),
);
/** Transactions in the queue, unsigned, with a payment of an agent that is not active. */
export const queuedOfInactive = statement()((db) =>
  db
    .selectFrom('transactions as t')
    .innerJoin('transaction_payments as tp', 'tp.transaction_id', 't.id')
    .innerJoin('payments as p', 'p.id', 'tp.payment_id')
    .innerJoin('agents as a', 'a.id', 'p.agent_id')
    .select('t.id')
    .distinct()
    .where('t.state', '=', 'queued')
    .where('a.status', '<>', 'active'),
);
/** Payments of the list that wait no longer. */
export const noLongerWaiting = statement<{ ids: readonly string[] }>()((db, p, f) =>
  db
    .selectFrom(f.rowsOf(p.ids, 'ids'))
    .select('ids.value as id')
    .where(({ exists, not, selectFrom }) =>
      not(
        exists(
          selectFrom('payments')
            .select('payments.id')
            .whereRef('payments.id', '=', 'ids.value')
            .where('state', 'in', ['authorized', 'submitted']),
        ),
      ),
    ),
);
export const setNonce = statement<{ id: string; nonce: bigint }>()((db, p) =>
  db.updateTable('payments').set({ wallet_nonce: p.nonce }).where('id', '=', p.id),
);
export const signedFor = statement<{ payment: string }>()((db, p) =>
  db
    .selectFrom('transaction_payments as tp')
    .innerJoin('transaction_attempts as a', 'a.transaction_id', 'tp.transaction_id')
    .select('tp.transaction_id')
    .where('tp.payment_id', '=', p.payment)
    .limit(1),
);

/** Approvals by active approvers, the oldest first. */
export const approvalsOf = statement<{ payment: string }>()((db, p) =>
  db
    .selectFrom('approvals as a')
    .innerJoin('approvers as r', 'r.id', 'a.approver_id')
    .select(['r.address', 'a.signature'])
    .$narrowType<{ address: Address; signature: Hex }>()
    .where('a.payment_id', '=', p.payment)
    .where('a.verdict', '=', 'approve')
    .where('r.status', '=', 'active')
    .orderBy('a.signed_at')
    .orderBy('a.id'),
);
export const expiryOf = statement<{ payment: string }>()((db, p) =>
  db.selectFrom('approvals').select('expires_at').where('payment_id', '=', p.payment),
);
export const activeApprover = statement<{ address: string }>()((db, p) =>
  db.selectFrom('approvers').select('id').where('address', '=', p.address).where('status', '=', 'active'),
);
export const openAlertsOf = statement<{ type: string }>()((db, p) =>
  db.selectFrom('alerts').select(['id', 'agent_id']).where('type', '=', p.type).where('resolved_at', 'is', null),
);

const deployed = (db: Kysely<Schema>) =>
  db
    .selectFrom('wallets')
    .select(['agent_id', 'address', 'config_json', 'ceilings_json'])
    .where('deployed_at', 'is not', null);
/** Wallets of which the follower has seen a change since an event. */
export const ofChangedWallets = statement<{ chain: number; seq: bigint; limit: number }>()((db, p) =>
  deployed(db)
    .where('chain_id', '=', p.chain)
    .where('agent_id', 'in', (eb) =>
      eb
        .selectFrom('events')
        .select('agent_id')
        .$narrowType<{ agent_id: string }>()
        .where('seq', '>', p.seq)
        .where('type', '=', 'wallet.changed'),
    )
    .limit(p.limit),
);
export const deployedAfter = statement<{ chain: number; agent: string; limit: number }>()((db, p) =>
  deployed(db).where('chain_id', '=', p.chain).where('agent_id', '>', p.agent).orderBy('agent_id').limit(p.limit),
);
export const setCeilings = statement<{ agent: string; chain: number; ceilings: string }>()((db, p) =>
  db
    .updateTable('wallets')
    .set({ ceilings_json: p.ceilings })
    .where('agent_id', '=', p.agent)
    .where('chain_id', '=', p.chain),
);
/** Wallets whose deployment was mined with success and is not noted. */
export const newlyDeployed = statement<{ chain: number }>()((db, p) =>
  db
    .selectFrom('wallets as w')
    .innerJoin('transactions as t', (join) =>
      join.on(({ eb, ref, val }) => eb('t.purpose', '=', eb(val('deploy:'), '||', ref('w.agent_id')))),
    )
    .select(['w.agent_id', 'w.address', 't.mined_hash as tx_hash'])
    .where('w.chain_id', '=', p.chain)
    .where('w.deployed_at', 'is', null)
    .where('t.state', 'in', ['mined', 'final'])
    .where('t.succeeded', '=', 1n),
);
export const setDeployed = statement<{ agent: string; chain: number; at: number }>()((db, p) =>
  db.updateTable('wallets').set({ deployed_at: p.at }).where('agent_id', '=', p.agent).where('chain_id', '=', p.chain),
);
