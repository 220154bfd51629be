import type { ReadTx } from '../../store/store.ts';
import { claimedInvoice } from './claims.ts';
import { findInvoiceByAmount } from './invoices.ts';
import type { InvoiceBy, ReceivableKind } from './receivable.ts';
import { findExpectedSale } from './sales.ts';

/** The explanation of incoming money. */
export type Inbound = {
  kind: ReceivableKind;
  invoiceId: string | null;
  invoiceBy: InvoiceBy | null;
  saleNonce: string | null;
};
/** A transfer to an agent. `nonce`: of the `AuthorizationUsed` that announced it. `atMs`: its block's time. */
export type Inflow = {
  chainId: number;
  agentId: string;
  place: 'wallet' | 'purse';
  from: string;
  to: string;
  amountMicro: bigint;
  txHash: string;
  nonce: string | null;
  atMs: number;
};

export const inbound = (kind: ReceivableKind): Inbound => ({
  kind,
  invoiceId: null,
  invoiceBy: null,
  saleNonce: null,
});

/**
 * Explains money from outside by the strongest evidence: the announced nonce; a claim of the transaction; the sponsor's treasury;
 * an invoice of exactly that amount (the oldest open one, else the oldest expired one). Otherwise it is unexplained. Writes
 * nothing.
 */
export async function classifyInflow(tx: ReadTx, inflow: Inflow, treasury: string | null): Promise<Inbound> {
  const sure = await named(tx, inflow);
  if (sure) return sure;
  if (inflow.from === treasury) return inbound('deposit');
  if (inflow.place === 'wallet') {
    const invoiceId = await findInvoiceByAmount(tx, inflow);
    if (invoiceId) return { kind: 'invoice', invoiceId, invoiceBy: 'amount', saleNonce: null };
  }
  return inbound('unmatched');
}

/** Explains money from an agent of this Bursar by its payment; an invoice is matched by nonce or claim, never guessed. */
export async function classifyPayment(
  tx: ReadTx,
  inflow: Inflow,
  kind: 'agent_payment' | 'x402_sale' | 'refund',
): Promise<Inbound> {
  return (kind === 'refund' ? null : await named(tx, inflow)) ?? inbound(kind);
}

async function named(tx: ReadTx, inflow: Inflow): Promise<Inbound | null> {
  if (inflow.place !== 'wallet') return null;
  if (inflow.nonce !== null) {
    const sale = await findExpectedSale(tx, inflow.chainId, inflow.from, inflow.nonce);
    if (sale && sale.agent_id === inflow.agentId && sale.amount_micro === inflow.amountMicro) {
      const saleNonce = inflow.nonce.toLowerCase();
      return sale.invoice_id
        ? { kind: 'invoice', invoiceId: sale.invoice_id, invoiceBy: 'nonce', saleNonce }
        : { kind: 'x402_sale', invoiceId: null, invoiceBy: null, saleNonce };
    }
  }
  const invoiceId = await claimedInvoice(tx, inflow);
  return invoiceId ? { kind: 'invoice', invoiceId, invoiceBy: 'claim', saleNonce: null } : null;
}
