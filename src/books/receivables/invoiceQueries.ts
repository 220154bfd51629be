import { query, statement } from '../../store/statement.ts';

/** The payer's own claim comes before the earner's, which names no payer. */
export const claimOf = statement<{ tx: string; payer: string; agent: string }>()((db, p) =>
  db
    .selectFrom('invoice_claims as c')
    .innerJoin('invoices as i', 'i.id', 'c.invoice_id')
    .select('c.invoice_id as id')
    .where('c.tx_hash', '=', p.tx)
    .where('c.payer', 'in', [p.payer, ''])
    .where('i.agent_id', '=', p.agent)
    .orderBy('c.payer', 'desc')
    .orderBy('c.created_at')
    .limit(1),
);
export const addClaim = statement<{ tx: string; payer: string; invoice: string; by: string; at: number }>()((db, p) =>
  db
    .insertInto('invoice_claims')
    .values({ tx_hash: p.tx, payer: p.payer, invoice_id: p.invoice, claimed_by: p.by, created_at: p.at })
    .onConflict((conflict) => conflict.doNothing()),
);
/** Recent claims whose transaction has brought nothing for the invoice. */
export const openClaims = statement<{ invoice: string; since: number }>()((db, p) =>
  db
    .selectFrom('invoice_claims as c')
    .select((eb) => eb.fn.countAll<bigint>().as('n'))
    .where('c.invoice_id', '=', p.invoice)
    .where('c.created_at', '>', p.since)
    .where(({ exists, not, selectFrom }) =>
      not(
        exists(
          selectFrom('receivables as r')
            .select('r.id')
            .whereRef('r.invoice_id', '=', 'c.invoice_id')
            .whereRef('r.tx_hash', '=', 'c.tx_hash'),
        ),
      ),
    ),
);

export const invoice = statement<{ id: string }>()((db, p) =>
  db.selectFrom('invoices').selectAll().where('id', '=', p.id),
);
export const invoiceByKey = statement<{ agent: string; key: string }>()((db, p) =>
  db.selectFrom('invoices').selectAll().where('agent_id', '=', p.agent).where('idempotency_key', '=', p.key),
);
export type InvoiceFilter = { agentId?: string | undefined; before?: string | undefined; limit: number };
export const invoicesWhere = (filter: InvoiceFilter) =>
  query((db) => {
    let found = db.selectFrom('invoices').selectAll().orderBy('id', 'desc').limit(filter.limit);
    if (filter.agentId !== undefined) found = found.where('agent_id', '=', filter.agentId);
    if (filter.before !== undefined) found = found.where('id', '<', filter.before);
    return found;
  });
/** First open ones with exactly that amount due, by id, then expired ones. */
export const invoiceByAmount = statement<{ to: string; amount: bigint; at: number; madeBy: number }>()((db, p) =>
  db
    .selectFrom('invoices')
    .select('id')
    .where('address', '=', p.to)
    .where('cancelled_at', 'is', null)
    .where('created_at', '<=', p.madeBy)
    .where(({ eb, ref }) => eb('received_micro', '<', eb(ref('amount_micro'), '*', ref('max_uses'))))
    .where(({ eb, ref }) =>
      eb(eb(ref('amount_micro'), '-', eb(ref('received_micro'), '%', ref('amount_micro'))), '=', p.amount),
    )
    .orderBy(({ eb, and }) => and([eb('expires_at', 'is not', null), eb('expires_at', '<=', p.at)]))
    .orderBy('id')
    .limit(1),
);
type NewInvoiceRow = {
  id: string;
  agent: string;
  address: string;
  amount: bigint;
  maxUses: number;
  memo: string;
  expiresAt: number | null;
  key: string;
  bodyHash: string;
  at: number;
};
export const addInvoice = statement<NewInvoiceRow>()((db, p) =>
  db.insertInto('invoices').values({
    id: p.id,
    agent_id: p.agent,
    address: p.address,
    amount_micro: p.amount,
    max_uses: p.maxUses,
    memo: p.memo,
    expires_at: p.expiresAt,
    idempotency_key: p.key,
    body_hash: p.bodyHash,
    created_at: p.at,
  }),
);
export const cancelInvoiceAt = statement<{ id: string; at: number }>()((db, p) =>
  db.updateTable('invoices').set({ cancelled_at: p.at }).where('id', '=', p.id),
);
export const addReceivedToInvoice = statement<{ id: string; amount: bigint }>()((db, p) =>
  db
    .updateTable('invoices')
    .set((eb) => ({ received_micro: eb('received_micro', '+', p.amount) }))
    .where('id', '=', p.id),
);
