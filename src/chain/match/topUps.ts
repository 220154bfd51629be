import { raiseAlert } from '../../books/ledger/alerts.ts';
import { agentAccount, balance, post } from '../../books/ledger/journal.ts';
import { hold } from '../../decide/payments/hold.ts';
import { holdAccounts } from '../../decide/payments/holdAccounts.ts';
import type { Payment } from '../../decide/payments/payment.ts';
import { findPayment } from '../../decide/payments/records.ts';
import type { Tx } from '../../store/store.ts';
import { takeFromHold } from './queries.ts';

/** The top-up has arrived in the purse: the purchase that waited for it holds what it still lacks. */
export function holdForPurchase(tx: Tx, topUp: Payment, atMs: number): void {
  const purchase = topUp.fundsPayment === null ? undefined : findPayment(tx, topUp.fundsPayment);
  if (purchase?.state !== 'authorized') return;
  if (completeHold(tx, purchase, atMs)) return;
  raiseAlert(
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

/** Holds the rest of the amount where the free money suffices. False, and nothing done, where it does not. */
export function completeHold(tx: Tx, payment: Payment, atMs: number): boolean {
  const missing = payment.amount - payment.heldMicro;
  const { free } = holdAccounts(payment.rail);
  if (missing > balance(tx, agentAccount(payment.agentId, free))) return missing === 0n;
  hold(tx, payment, missing, atMs);
  return true;
}

/**
 * The top-up is about to be undone by a reorg: a purchase that has not been signed gives back what the purse will lack. One
 * that was signed keeps its hold whatever the purse has: its money may be taken at any moment.
 */
export function releaseForReorg(tx: Tx, topUp: Payment, atMs: number): void {
  const purchase = topUp.fundsPayment === null ? undefined : findPayment(tx, topUp.fundsPayment);
  if (purchase?.state !== 'authorized') return;
  const lacking = topUp.amount - balance(tx, agentAccount(topUp.agentId, 'purse'));
  const back = lacking < purchase.heldMicro ? lacking : purchase.heldMicro;
  if (back <= 0n) return;
  post(tx, {
    kind: 'release',
    atMs,
    paymentId: purchase.id,
    lines: [
      [agentAccount(purchase.agentId, 'purse_reserved'), -back],
      [agentAccount(purchase.agentId, 'purse'), back],
    ],
  });
  tx.run(takeFromHold, { id: purchase.id, amount: back });
}
