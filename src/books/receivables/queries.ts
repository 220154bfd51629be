import type { Address, Hex } from 'viem';
import type { RowIn } from '../../store/schema/schema.ts';
import { query, statement } from '../../store/statement.ts';

export const receivable = statement<{ id: string }>()((db, p) =>
  db.selectFrom('receivables').selectAll().where('id', '=', p.id),
);
export const receivableAt = statement<{ chain: number; block: string; log: number }>()((db, p) =>
  db
    .selectFrom('receivables')
    .selectAll()
    .where('chain_id', '=', p.chain)
    .where('block_hash', '=', p.block)
    .where('log_index', '=', p.log)
    .where('state', '<>', 'orphaned'),
);
export const receivableOfPayment = statement<{ payment: string }>()((db, p) =>
  db.selectFrom('receivables').selectAll().where('payment_id', '=', p.payment).where('state', '<>', 'orphaned'),
);
export type ReceivableFilter = {
  agentId?: string | undefined;
  kind?: RowIn<'receivables'>['kind'] | undefined;
  state?: RowIn<'receivables'>['state'] | undefined;
  invoiceId?: string | undefined;
  /** Ids below this one (newest first). */
  before?: string | undefined;
  limit: number;
};
export const receivablesWhere = (filter: ReceivableFilter) =>
  query((db) => {
    let found = db.selectFrom('receivables').selectAll().orderBy('id', 'desc').limit(filter.limit);
    if (filter.agentId !== undefined) found = found.where('agent_id', '=', filter.agentId);
    if (filter.kind !== undefined) found = found.where('kind', '=', filter.kind);
    if (filter.state !== undefined) found = found.where('state', '=', filter.state);
    if (filter.invoiceId !== undefined) found = found.where('invoice_id', '=', filter.invoiceId);
    if (filter.before !== undefined) found = found.where('id', '<', filter.before);
    return found;
  });
/** The receivables of one transaction that a claim may still assign to an invoice. */
export const claimable = statement<{ tx: string; agent: string; payer: string | null }>()((db, p) =>
  db
    .selectFrom('receivables')
    .selectAll()
    .where('tx_hash', '=', p.tx)
    .where('agent_id', '=', p.agent)
    .where('state', '<>', 'orphaned')
    .where(({ eb, or, val }) => or([eb(val(p.payer), 'is', null), eb('payer_address', '=', p.payer)]))
    .where(({ eb, or, and }) =>
      or([
        eb('kind', 'in', ['unmatched', 'agent_payment', 'x402_sale']),
        and([eb('kind', '=', 'invoice'), eb('invoice_by', '=', 'amount')]),
      ]),
    ),
);
type NewReceivable = {
  id: string;
  agent: string;
  kind: RowIn<'receivables'>['kind'];
  amount: bigint;
  payer: string;
  payment: string | null;
  invoice: string | null;
  invoiceBy: RowIn<'receivables'>['invoice_by'];
  saleNonce: string | null;
  chain: number;
  tx: string;
  log: number;
  block: bigint;
  blockHash: string;
  receivedAt: number;
  at: number;
};
export const addReceivable = statement<NewReceivable>()((db, p) =>
  db.insertInto('receivables').values({
    id: p.id,
    agent_id: p.agent,
    kind: p.kind,
    state: 'included',
    amount_micro: p.amount,
    payer_address: p.payer,
    payment_id: p.payment,
    invoice_id: p.invoice,
    invoice_by: p.invoiceBy,
    sale_nonce: p.saleNonce,
    chain_id: p.chain,
    tx_hash: p.tx,
    log_index: p.log,
    block_number: p.block,
    block_hash: p.blockHash,
    received_at: p.receivedAt,
    created_at: p.at,
  }),
);
export const setReceivableState = statement<{ id: string; state: 'final' | 'orphaned' }>()((db, p) =>
  db.updateTable('receivables').set({ state: p.state }).where('id', '=', p.id),
);
export const claimReceivable = statement<{ id: string; invoice: string }>()((db, p) =>
  db
    .updateTable('receivables')
    .set({ kind: 'invoice', invoice_id: p.invoice, invoice_by: 'claim' })
    .where('id', '=', p.id),
);
export const receiverOfLog = statement<{ chain: number; block: Hex; log: number }>()((db, p) =>
  db
    .selectFrom('transfers')
    .select('to_address')
    .where('chain_id', '=', p.chain)
    .where('block_hash', '=', p.block)
    .where('log_index', '=', p.log),
);

export const earningsOf = statement<{ agent: string }>()((db, p) =>
  db.selectFrom('earnings').select(['received_micro', 'passed_on_micro']).where('agent_id', '=', p.agent),
);
export const addEarnings = statement<{ agent: string; received: bigint; passedOn: bigint }>()((db, p) =>
  db
    .insertInto('earnings')
    .values({ agent_id: p.agent, received_micro: p.received, passed_on_micro: p.passedOn })
    .onConflict((conflict) =>
      conflict.column('agent_id').doUpdateSet((eb) => ({
        received_micro: eb('earnings.received_micro', '+', eb.ref('excluded.received_micro')),
        passed_on_micro: eb('earnings.passed_on_micro', '+', eb.ref('excluded.passed_on_micro')),
      })),
    ),
);

/** `agent`: the buyer or the earner. */
type RefundRequestFilter = {
  id?: string;
  agent?: string | undefined;
  state?: RowIn<'refund_requests'>['state'] | undefined;
  limit: number;
};
export const refundRequestsWhere = (filter: RefundRequestFilter) =>
  query((db) => {
    let found = db
      .selectFrom('refund_requests as q')
      .innerJoin('payments as p', 'p.id', 'q.payment_id')
      .innerJoin('receivables as r', 'r.id', 'q.receivable_id')
      .selectAll('q')
      .select(['p.agent_id as buyer_id', 'r.agent_id as earner_id'])
      .orderBy('q.id', 'desc')
      .limit(filter.limit);
    const { id, agent, state } = filter;
    if (id !== undefined) found = found.where('q.id', '=', id);
    if (agent !== undefined) {
      found = found.where(({ eb, or }) => or([eb('p.agent_id', '=', agent), eb('r.agent_id', '=', agent)]));
    }
    if (state !== undefined) found = found.where('q.state', '=', state);
    return found;
  });
export const openRefundRequestOf = statement<{ payment: string }>()((db, p) =>
  db.selectFrom('refund_requests').select('id').where('payment_id', '=', p.payment).where('state', '=', 'open'),
);
export const addRefundRequest = statement<{
  id: string;
  payment: string;
  receivable: string;
  amount: bigint;
  reason: string;
  at: number;
}>()((db, p) =>
  db.insertInto('refund_requests').values({
    id: p.id,
    payment_id: p.payment,
    receivable_id: p.receivable,
    amount_micro: p.amount,
    reason: p.reason,
    state: 'open',
    created_at: p.at,
  }),
);
export const answerRefundRequest = statement<{
  id: string;
  state: 'accepted' | 'declined';
  answer: string | null;
  refund: string | null;
  at: number;
}>()((db, p) =>
  db
    .updateTable('refund_requests')
    .set({ state: p.state, answer: p.answer, refund_payment: p.refund, answered_at: p.at })
    .where('id', '=', p.id)
    .where('state', '=', 'open'),
);

type SaleKey = { chain: number; payer: string; nonce: string };
type NewSale = SaleKey & {
  agent: string;
  amount: bigint;
  resource: string;
  invoice: string | null;
  validBefore: bigint;
  at: number;
};
export const addExpectedSale = statement<NewSale>()((db, p) =>
  db
    .insertInto('expected_sales')
    .values({
      chain_id: p.chain,
      payer: p.payer,
      nonce: p.nonce,
      agent_id: p.agent,
      amount_micro: p.amount,
      resource: p.resource,
      invoice_id: p.invoice,
      valid_before_s: p.validBefore,
      state: 'expected',
      created_at: p.at,
    })
    .onConflict((conflict) => conflict.doNothing()),
);
export const expectedSale = statement<SaleKey>()((db, p) =>
  db
    .selectFrom('expected_sales')
    .select(['agent_id', 'amount_micro', 'resource', 'invoice_id', 'state'])
    .where('chain_id', '=', p.chain)
    .where('payer', '=', p.payer as Address)
    .where('nonce', '=', p.nonce as Hex),
);
export const payersOfOpenSales = statement<{ chain: number }>()((db, p) =>
  db
    .selectFrom('expected_sales')
    .select('payer')
    .distinct()
    .where('chain_id', '=', p.chain)
    .where('state', '<>', 'closed')
    .orderBy('payer'),
);
export const openSaleOf = statement<{ chain: number; payer: string }>()((db, p) =>
  db
    .selectFrom('expected_sales')
    .select('nonce')
    .where('chain_id', '=', p.chain)
    .where('payer', '=', p.payer as Address)
    .where('state', '<>', 'closed')
    .limit(1),
);
export const setExpectedSaleState = statement<SaleKey & { state: 'expected' | 'paid' | 'closed' }>()((db, p) =>
  db
    .updateTable('expected_sales')
    .set({ state: p.state })
    .where('chain_id', '=', p.chain)
    .where('payer', '=', p.payer as Address)
    .where('nonce', '=', p.nonce as Hex),
);
export const closeSalesBefore = statement<{ chain: number; final: number }>()((db, p) =>
  db
    .updateTable('expected_sales')
    .set({ state: 'closed' })
    .where('chain_id', '=', p.chain)
    .where('state', '=', 'expected')
    .where('valid_before_s', '<=', p.final),
);
