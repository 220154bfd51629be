import { BursarError, invariant } from '../../core/errors/base.ts';
import { flatMapInOrder } from '../../core/inOrder.ts';
import { formatUsdc } from '../../core/money/microUsdc.ts';
import type { ReadTx, Tx } from '../../store/store.ts';
import { appendEvent } from '../ledger/events.ts';
import { agentAccount, balance, post } from '../ledger/journal.ts';
import { addReceived } from './earnings.ts';
import { addClaim, claimOf, openClaims } from './invoiceQueries.ts';
import { addToInvoice, getInvoice, type Invoice } from './invoices.ts';
import { claimable, claimReceivable, receivable, receiverOfLog } from './queries.ts';
import { toReceivable } from './readReceivables.ts';
import type { Receivable } from './receivable.ts';

/** The number of unanswered claims of one invoice in an hour: anyone with a key pair can make one. */
const OPEN_CLAIMS = 20;
const HOUR_MS = 3_600_000;

/** The text that a payer signs (EIP-191) so that its transfer counts for an invoice. */
export function claimText(invoiceId: string, txHash: string): string {
  return `Bursar invoice ${invoiceId} is paid by transaction ${txHash.toLowerCase()}`;
}

/** The invoice that a transfer was claimed for: by the payer's claim, else by the earner's. */
export async function claimedInvoice(
  tx: ReadTx,
  { txHash, from, agentId }: { txHash: string; from: string; agentId: string },
): Promise<string | null> {
  const row = await tx.get(claimOf, { tx: txHash.toLowerCase(), payer: from, agent: agentId });
  return row?.id ?? null;
}

/**
 * Records that a transaction pays the invoice, and moves what it brought: from suspense, or from an invoice that was only guessed
 * by the amount. A match by nonce or an earlier claim stays. `payer`: the address that signed `claimText`; null: the earner claims
 * it.
 */
export async function claimPayment(
  tx: Tx,
  claim: { invoiceId: string; txHash: string; payer: string | null; actor: string },
  atMs: number,
): Promise<Receivable[]> {
  const invoice = await getInvoice(tx, claim.invoiceId);
  const txHash = claim.txHash.toLowerCase();
  // The earner's own claim needs no limit.
  if (claim.payer !== null) await refuseFlood(tx, invoice, atMs);
  await tx.run(addClaim, { tx: txHash, payer: claim.payer ?? '', invoice: invoice.id, by: claim.actor, at: atMs });
  const { agentId } = invoice;
  const data = { invoice: invoice.id, tx_hash: txHash, payer: claim.payer };
  await appendEvent(tx, { type: 'invoice.claimed', actor: claim.actor, agentId, data }, atMs);
  const rows = await tx.all(claimable, { tx: txHash, agent: agentId, payer: claim.payer });
  return flatMapInOrder(rows.map(toReceivable), async (found) => {
    if (!(await isWallet(tx, found, invoice)) || found.saleNonce !== null) return [];
    return [await giveToInvoice(tx, found, invoice, atMs)];
  });
}

async function giveToInvoice(tx: Tx, found: Receivable, invoice: Invoice, atMs: number): Promise<Receivable> {
  if (found.invoiceId !== null) await addToInvoice(tx, found.invoiceId, -found.amountMicro);
  if (found.kind === 'unmatched') {
    await leaveSuspense(tx, found, atMs);
    await addReceived(tx, found.agentId, found.amountMicro);
  }
  await tx.run(claimReceivable, { id: found.id, invoice: invoice.id });
  const { id: receivableId, amountMicro } = found;
  await notePaid(tx, await addToInvoice(tx, invoice.id, amountMicro), { receivableId, amountMicro }, atMs);
  const row = await tx.get(receivable, { id: found.id });
  invariant(row, 'A receivable vanished inside its transaction.');
  return toReceivable(row);
}

/** Explained now; if an operator accepted it from suspense earlier, it is already in the right account. */
async function leaveSuspense(tx: Tx, found: Receivable, atMs: number): Promise<void> {
  const suspense = agentAccount(found.agentId, 'suspense');
  const there = await balance(tx, suspense);
  const amount = there < found.amountMicro ? there : found.amountMicro;
  if (amount <= 0n) return;
  await post(tx, {
    kind: 'reclassify',
    atMs,
    receivableId: found.id,
    lines: [
      [suspense, -amount],
      [agentAccount(found.agentId, 'available'), amount],
    ],
  });
}

async function isWallet(tx: ReadTx, found: Receivable, invoice: Invoice): Promise<boolean> {
  const row = await tx.get(receiverOfLog, { chain: found.chainId, block: found.blockHash, log: found.logIndex });
  return row?.to_address === invoice.address;
}

async function refuseFlood(tx: ReadTx, invoice: Invoice, atMs: number): Promise<void> {
  const open = await tx.get(openClaims, { invoice: invoice.id, since: atMs - HOUR_MS });
  if ((open?.n ?? 0n) >= BigInt(OPEN_CLAIMS)) {
    throw new BursarError('too_many_requests', {
      message: 'Too many claims of this invoice wait for their transaction.',
    });
  }
}

/** Reports the amount received for an invoice, and its state. */
export async function notePaid(
  tx: Tx,
  invoice: Invoice,
  received: { receivableId: string; amountMicro: bigint },
  atMs: number,
): Promise<void> {
  const data = {
    invoice: invoice.id,
    receivable: received.receivableId,
    amount: formatUsdc(received.amountMicro),
    received: formatUsdc(invoice.receivedMicro),
    asked: formatUsdc(invoice.amount),
  };
  await appendEvent(tx, { type: 'invoice.paid', actor: 'bursar', agentId: invoice.agentId, data }, atMs);
}
