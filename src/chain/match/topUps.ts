import { raiseAlert } from '../../books/ledger/alerts.ts';
import { agentAccount, balance, post } from '../../books/ledger/journal.ts';
import { holdAccounts } from '../../decide/payments/funding.ts';
import { hold } from '../../decide/payments/hold.ts';
import type { Payment } from '../../decide/payments/payment.ts';
import { findPayment } from '../../decide/payments/records.ts';
import type { Tx } from '../../store/store.ts';
import { takeFromHold } from './queries.ts';

/** The top-up has arrived in the purse: the purchase that waited for it now holds the part that it lacked. */
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

/** Holds the rest of the amount if the free balance suffices. False, and nothing done, if it does not. */
export function completeHold(tx: Tx, payment: Payment, atMs: number): boolean {
  const missing = payment.amount - payment.heldMicro;
  const { free } = holdAccounts(payment.rail);
  if (missing > balance(tx, agentAccount(payment.agentId, free))) return missing === 0n;
  hold(tx, payment, missing, atMs);
  return true;
}

/**
 * The top-up will be undone by a reorg: a purchase that is not signed yet returns the part that the purse will lack. A signed one
 * keeps its hold regardless of the purse's balance, because its money may be taken at any moment.
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
