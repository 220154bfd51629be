import type { Address } from 'viem';
import { BursarError } from '../../core/errors/base.ts';
import { type AgentId, newId } from '../../core/ids/ids.ts';
import { formatUsdc, type MicroUsdc, microUsdc } from '../../core/money/microUsdc.ts';
import type { RowIn } from '../../store/schema/schema.ts';
import type { ReadTx, Tx } from '../../store/store.ts';
import { appendEvent } from '../ledger/events.ts';
import {
  addInvoice,
  addReceivedToInvoice,
  cancelInvoiceAt,
  type InvoiceFilter,
  invoice,
  invoiceByAmount,
  invoiceByKey,
  invoicesWhere,
} from './invoiceQueries.ts';

/** `cancelled` and `expired` invoices ask for nothing more; money that arrives nevertheless still counts. */
export const invoiceStates = ['open', 'part_paid', 'paid', 'overpaid', 'expired', 'cancelled'] as const;
export type InvoiceState = (typeof invoiceStates)[number];

/** A request for money to an agent. `amount` is for one use; `maxUses` above 1 makes it a payment link. */
export type Invoice = {
  id: string;
  agentId: AgentId;
  /** The agent's wallet. */
  address: Address;
  amount: MicroUsdc;
  maxUses: number;
  receivedMicro: bigint;
  memo: string;
  expiresAtMs: number | null;
  cancelledAtMs: number | null;
  createdAtMs: number;
};
type Row = RowIn<'invoices'>;
const ms = (value: bigint | null): number | null => (value === null ? null : Number(value));
const toInvoice = (row: Row): Invoice => ({
  id: row.id,
  agentId: row.agent_id as AgentId,
  address: row.address as Address,
  amount: microUsdc(row.amount_micro),
  maxUses: Number(row.max_uses),
  receivedMicro: row.received_micro,
  memo: row.memo,
  expiresAtMs: ms(row.expires_at),
  cancelledAtMs: ms(row.cancelled_at),
  createdAtMs: Number(row.created_at),
});

/** The sum of all uses stays below SQLite's largest integer. */
export const MAX_USES = 1_000;

export type NewInvoice = {
  agentId: AgentId;
  sponsorId: string;
  address: Address;
  amount: MicroUsdc;
  maxUses: number;
  memo: string;
  expiresAtMs: number | null;
  idempotencyKey: string;
  bodyHash: string;
};

/** The same key returns the same invoice. Throws `idempotency_conflict` (the key with another body) or `invalid_request`. */
export async function createInvoice(
  tx: Tx,
  wanted: NewInvoice,
  act: { actor: string; atMs: number },
): Promise<Invoice> {
  const before = await tx.get(invoiceByKey, { agent: wanted.agentId, key: wanted.idempotencyKey });
  if (before) {
    if (before.body_hash !== wanted.bodyHash) throw new BursarError('idempotency_conflict');
    return toInvoice(before);
  }
  if (wanted.expiresAtMs !== null && wanted.expiresAtMs <= act.atMs) {
    throw new BursarError('invalid_request', { message: 'expires_at: is in the past.' });
  }
  const id = newId('invoice');
  await tx.run(addInvoice, {
    id,
    agent: wanted.agentId,
    address: wanted.address,
    amount: wanted.amount,
    maxUses: wanted.maxUses,
    memo: wanted.memo,
    expiresAt: wanted.expiresAtMs,
    key: wanted.idempotencyKey,
    bodyHash: wanted.bodyHash,
    at: act.atMs,
  });
  const { agentId, sponsorId } = wanted;
  const data = { invoice: id, amount: formatUsdc(wanted.amount), memo: wanted.memo, max_uses: wanted.maxUses };
  await appendEvent(tx, { type: 'invoice.created', actor: act.actor, agentId, sponsorId, data }, act.atMs);
  return getInvoice(tx, id);
}

/** Throws `invoice_not_found`. */
export async function getInvoice(tx: ReadTx, id: string): Promise<Invoice> {
  const row = await tx.get(invoice, { id });
  if (!row) throw new BursarError('invoice_not_found', { details: { invoice: id } });
  return toInvoice(row);
}

/** Newest first. */
export async function listInvoices(tx: ReadTx, filter: InvoiceFilter): Promise<Invoice[]> {
  return (await tx.all(invoicesWhere(filter))).map(toInvoice);
}

/** Cancels the invoice. Throws `invoice_closed` if it is paid. */
export async function cancelInvoice(tx: Tx, id: string, act: { actor: string; atMs: number }): Promise<Invoice> {
  const invoice = await getInvoice(tx, id);
  if (invoice.cancelledAtMs !== null) return invoice;
  if (invoice.receivedMicro >= totalOf(invoice)) throw new BursarError('invoice_closed');
  await tx.run(cancelInvoiceAt, { id, at: act.atMs });
  const { agentId } = invoice;
  await appendEvent(tx, { type: 'invoice.cancelled', actor: act.actor, agentId, data: { invoice: id } }, act.atMs);
  return getInvoice(tx, id);
}

function totalOf(invoice: Invoice): bigint {
  return invoice.amount * BigInt(invoice.maxUses);
}

/** The amount that completes the open use; 0 when all are paid. */
export function dueOf(invoice: Invoice): bigint {
  if (invoice.receivedMicro >= totalOf(invoice)) return 0n;
  return invoice.amount - (invoice.receivedMicro % invoice.amount);
}

export function invoiceState(invoice: Invoice, atMs: number): InvoiceState {
  const total = totalOf(invoice);
  if (invoice.receivedMicro > total) return 'overpaid';
  if (invoice.receivedMicro === total) return 'paid';
  if (invoice.cancelledAtMs !== null) return 'cancelled';
  if (isExpired(invoice, atMs)) return 'expired';
  return invoice.receivedMicro % invoice.amount > 0n ? 'part_paid' : 'open';
}

/** The end is exclusive. */
export function isExpired(invoice: Invoice, atMs: number): boolean {
  return invoice.expiresAtMs !== null && invoice.expiresAtMs <= atMs;
}

/**
 * Guesses the invoice that a plain transfer pays, because nothing on chain names one: the oldest open one with exactly that amount
 * due, else the oldest expired one, as a late payment. Cancelled ones are not guessed.
 */
export async function findInvoiceByAmount(
  tx: ReadTx,
  { to, amountMicro, atMs }: { to: string; amountMicro: bigint; atMs: number },
): Promise<string | null> {
  const row = await tx.get(invoiceByAmount, { to, amount: amountMicro, at: atMs, madeBy: atMs + CLOCK_SLACK_MS });
  return row?.id ?? null;
}
/** An invoice does not explain money from before it; the clocks of chain and server may differ a little. */
const CLOCK_SLACK_MS = 60_000;

/** Counts money for the invoice; a negative amount takes it back. */
export async function addToInvoice(tx: Tx, id: string, amountMicro: bigint): Promise<Invoice> {
  await tx.run(addReceivedToInvoice, { id, amount: amountMicro });
  return getInvoice(tx, id);
}
