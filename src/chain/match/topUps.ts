import { raiseAlert } from '../../books/ledger/alerts.ts';
import { agentAccount, balance, post } from '../../books/ledger/journal.ts';
import { holdAccounts } from '../../decide/payments/funding.ts';
import { hold } from '../../decide/payments/hold.ts';
import type { Payment } from '../../decide/payments/payment.ts';
import { findPayment } from '../../decide/payments/records.ts';
import type { Tx } from '../../store/store.ts';
import { takeFromHold } from './queries.ts';

/** The top-up has arrived in the purse: the purchase that waited for it now holds the part that it lacked. */
export async function holdForPurchase(tx: Tx, topUp: Payment, atMs: number): Promise<void> {
  const purchase = topUp.fundsPayment === null ? undefined : await findPayment(tx, topUp.fundsPayment);
  if (purchase?.state !== 'authorized') return;
  if (await completeHold(tx, purchase, atMs)) return;
  await raiseAlert(
    tx,
    {
      type: 'top_up_short',
      agentId: purchase.agentId,
      sponsorId: purchase.sponsorId,
      paymentId: purchase.id,
      data: { top_up: topUp.id, missing_micro: (purchase.amount - purchase.heldMicro).toString() },
    },
    atMs,
  );
}

/** Holds the rest of the amount if the free balance suffices. False, and nothing done, if it does not. */
export async function completeHold(tx: Tx, payment: Payment, atMs: number): Promise<boolean> {
  const missing = payment.amount - payment.heldMicro;
  const { free } = holdAccounts(payment.rail);
  if (missing > (await balance(tx, agentAccount(payment.agentId, free)))) return missing === 0n;
  await hold(tx, payment, missing, atMs);
  return true;
}

/**
 * The top-up will be undone by a reorg: a purchase that is not signed yet returns the part that the purse will lack. A signed one
 * keeps its hold regardless of the purse's balance, because its money may be taken at any moment.
 */
export async function releaseForReorg(tx: Tx, topUp: Payment, atMs: number): Promise<void> {
  const purchase = topUp.fundsPayment === null ? undefined : await findPayment(tx, topUp.fundsPayment);
  if (purchase?.state !== 'authorized') return;
  const lacking = topUp.amount - (await balance(tx, agentAccount(topUp.agentId, 'purse')));
  const back = lacking < purchase.heldMicro ? lacking : purchase.heldMicro;
  if (back <= 0n) return;
  await post(tx, {
    kind: 'release',
    atMs,
    paymentId: purchase.id,
    lines: [
      [agentAccount(purchase.agentId, 'purse_reserved'), -back],
      [agentAccount(purchase.agentId, 'purse'), back],
    ],
  });
  await tx.run(takeFromHold, { id: purchase.id, amount: back });
}
