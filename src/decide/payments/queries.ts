import type { Expression, ExpressionBuilder, SqlBool } from 'kysely';
import type { PaymentKind } from '../../core/payment/kinds.ts';
import { type PaymentState, workingStates } from '../../core/payment/states.ts';
import type { Fragments } from '../../store/dialects/fragments.ts';
import type { RowIn, Schema } from '../../store/schema/schema.ts';
import { query, statement } from '../../store/statement.ts';
import { type NewPaymentRow, newColumns } from './paymentRow.ts';

export type PaymentRow = RowIn<'payments'>;

const neverMoved = ['denied', 'rejected', 'expired', 'failed', 'cancelled'] as const satisfies PaymentState[];

export const newPayment = statement<NewPaymentRow>()((db, p) =>
  db.insertInto('payments').values(Object.fromEntries(newColumns.map((name) => [name, p[name]])) as typeof p),
);

export const paymentById = statement<{ id: string }>()((db, p) =>
  db.selectFrom('payments').selectAll().where('id', '=', p.id),
);
export const paymentByKey = statement<{ agent: string; key: string }>()((db, p) =>
  db.selectFrom('payments').selectAll().where('agent_id', '=', p.agent).where('idempotency_key', '=', p.key),
);
export const workingByChainKey = statement<{ key: string }>()((db, p) =>
  db.selectFrom('payments').selectAll().where('chain_key', '=', p.key).where('state', 'in', workingStates),
);
export const ofAgentByChainKey = statement<{ agent: string; key: string }>()((db, p) =>
  db.selectFrom('payments').selectAll().where('agent_id', '=', p.agent).where('chain_key', '=', p.key),
);
export const settledIn = statement<{ tx: string }>()((db, p) =>
  db.selectFrom('payments').selectAll().where('tx_hash', '=', p.tx).orderBy('log_index'),
);
export const lapsedReviews = statement<{ at: number; limit: number }>()((db, p) =>
  db
    .selectFrom('payments')
    .select('id')
    .where('state', 'in', workingStates)
    .where('state', '=', 'in_review')
    .where('review_expires_at', '<=', p.at)
    .orderBy('id')
    .limit(p.limit),
);
/** What refunds of a receivable gave back, or hold. */
export const refundedTotal = statement<{ receivable: string }>()((db, p) =>
  db
    .selectFrom('payments')
    .select((eb) => eb.fn.sum<bigint | null>('amount_micro').as('total'))
    .where('receivable_id', '=', p.receivable)
    .where('kind', '=', 'refund')
    .where('state', 'not in', neverMoved),
);

export const setState = statement<{ id: string; from: PaymentState; to: PaymentState; at: number }>()((db, p) =>
  db.updateTable('payments').set({ state: p.to, updated_at: p.at }).where('id', '=', p.id).where('state', '=', p.from),
);
export const setSettled = statement<{
  id: string;
  tx: string;
  log: number;
  block: bigint;
  blockHash: string;
  at: number;
}>()((db, p) =>
  db
    .updateTable('payments')
    .set({
      held_micro: 0n,
      tx_hash: p.tx,
      log_index: p.log,
      block_number: p.block,
      block_hash: p.blockHash,
      settled_at: p.at,
    })
    .where('id', '=', p.id),
);
export const setFinalSettled = statement<{ id: string; at: number }>()((db, p) =>
  db
    .updateTable('payments')
    .set({ state: 'settled', updated_at: p.at })
    .where('id', '=', p.id)
    .where('state', '=', 'final'),
);
export const setUnsettled = statement<{ id: string }>()((db, p) =>
  db
    .updateTable('payments')
    .set((eb) => ({
      held_micro: eb.ref('amount_micro'),
      tx_hash: null,
      log_index: null,
      block_number: null,
      block_hash: null,
      settled_at: null,
    }))
    .where('id', '=', p.id),
);
export const addToHeld = statement<{ id: string; amount: bigint }>()((db, p) =>
  db
    .updateTable('payments')
    .set((eb) => ({ held_micro: eb('held_micro', '+', p.amount) }))
    .where('id', '=', p.id),
);
export const setHeldNothing = statement<{ id: string }>()((db, p) =>
  db.updateTable('payments').set({ held_micro: 0n }).where('id', '=', p.id),
);
export const setPolicyDigest = statement<{ id: string; digest: string }>()((db, p) =>
  db.updateTable('payments').set({ policy_digest: p.digest }).where('id', '=', p.id),
);
export const setReasons = statement<{ id: string; reasons: string }>()((db, p) =>
  db.updateTable('payments').set({ reasons_json: p.reasons }).where('id', '=', p.id),
);
/** People have approved it: the one move along the state table that the gate makes itself. */
export const setApproved = statement<{
  id: string;
  nonce: bigint | null;
  onChain: number;
  digest: string;
  added: bigint;
  at: number;
}>()((db, p) =>
  db
    .updateTable('payments')
    .set((eb) => ({
      state: 'authorized',
      wallet_nonce: p.nonce,
      requires_chain_approval: p.onChain,
      policy_digest: p.digest,
      held_micro: eb('held_micro', '+', p.added),
      updated_at: p.at,
    }))
    .where('id', '=', p.id)
    .where('state', '=', 'in_review'),
);

export type PaymentFilter = {
  agentId?: string | undefined;
  payeeId?: string | undefined;
  state?: PaymentState | undefined;
  kind?: PaymentKind | undefined;
  batchId?: string | undefined;
  /** Ids below this one (newest first). */
  before?: string | undefined;
  limit: number;
};
type Builder = ExpressionBuilder<Schema, 'payments'>;
/** A condition on payments in a `query`. */
export type Condition = (eb: Builder, f: Fragments<Schema>) => Expression<SqlBool>;

export const isWorking = (state: PaymentState): boolean => workingStates.some((each) => each === state);
/** The partial index applies only to a condition whose values stand in the text. */
export const stateIs =
  (state: PaymentState): Condition =>
  (eb, f) => {
    const is = eb('state', '=', state);
    if (!isWorking(state)) return is;
    const working = workingStates.map((each) => f.constant(each));
    return eb.and([eb('state', 'in', working), is]);
  };

/** Newest first. */
export const filteredPayments = (filter: PaymentFilter) =>
  query((db, f) => {
    const { agentId, payeeId, state, kind, batchId, before, limit } = filter;
    let found = db.selectFrom('payments').selectAll().orderBy('id', 'desc').limit(limit);
    if (agentId !== undefined) found = found.where('agent_id', '=', agentId);
    if (payeeId !== undefined) found = found.where('payee_id', '=', payeeId);
    if (state !== undefined) found = found.where((eb) => stateIs(state)(eb, f));
    if (kind !== undefined) found = found.where('kind', '=', kind);
    if (batchId !== undefined) found = found.where('batch_id', '=', batchId);
    if (before !== undefined) found = found.where('id', '<', before);
    return found;
  });

/** The newest `scan` payments that `by` gives, and of these the first `limit` that `also` picks. */
export const scannedPayments = (
  by: readonly Condition[],
  also: readonly Condition[],
  { scan, limit }: { scan: number; limit: number },
) =>
  query((db, f) => {
    const inner = db
      .selectFrom('payments')
      .selectAll()
      .where((eb) => eb.and(by.map((each) => each(eb, f))))
      .orderBy('id', 'desc')
      .limit(scan);
    return db
      .selectFrom(inner.as('payments'))
      .selectAll()
      .where((eb) => eb.and(also.map((each) => each(eb, f))))
      .limit(limit);
  });
/** The last of those `scan` payments; none where there are fewer. */
export const endOfScan = (by: readonly Condition[], scan: number) =>
  query((db, f) =>
    db
      .selectFrom('payments')
      .select('id')
      .where((eb) => eb.and(by.map((each) => each(eb, f))))
      .orderBy('id', 'desc')
      .limit(1)
      .offset(scan - 1),
  );
/** The first ten that are called like that. */
export const named = {
  agents: statement<{ pattern: string }>()((db, p, f) =>
    db
      .selectFrom('agents')
      .select('id')
      .where(({ ref }) => f.isLike(ref('name'), p.pattern))
      .limit(10),
  ),
  payees: statement<{ pattern: string }>()((db, p, f) =>
    db
      .selectFrom('payees')
      .select('id')
      .where(({ ref }) => f.isLike(ref('name'), p.pattern))
      .limit(10),
  ),
} as const;
