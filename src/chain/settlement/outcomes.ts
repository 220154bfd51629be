import { appendEvent } from '../../books/ledger/events.ts';
import type { Payment } from '../../decide/payments/payment.ts';
import { findPayment, type PaymentRow, toPayment, WORKING } from '../../decide/payments/records.ts';
import { transition } from '../../decide/payments/transition.ts';
import type { Tx } from '../../store/store.ts';
import { withdrawQueued } from './withdraw.ts';

/** Authorized payments whose transaction is signed are submitted: from here on only the chain can end them. */
export function noteSubmitted(tx: Tx, atMs: number): void {
  const rows = tx.all<PaymentRow>(
    `SELECT DISTINCT p.* FROM payments p JOIN transaction_payments tp ON tp.payment_id = p.id
     JOIN transactions t ON t.id = tp.transaction_id
     WHERE p.${WORKING} AND p.state = 'authorized' AND t.state IN ('pending', 'mined', 'final') ORDER BY p.id LIMIT 1000`,
  );
  for (const row of rows) transition(tx, toPayment(row), 'submit', { actor: 'bursar', atMs });
}

/** A payment that the wallet refuses for good: the chain's state says so, and its nonce is unused. */
export type Failure = { payment: Payment; reason: string };

/** Gives the money back; a purchase that waited for this top-up cannot go on either. */
export function failPayment(tx: Tx, { payment, reason }: Failure, atMs: number): void {
  const now = findPayment(tx, payment.id);
  if (!now || now.state !== payment.state) return;
  end(tx, now, reason, atMs);
  const purchase = now.fundsPayment ? findPayment(tx, now.fundsPayment) : undefined;
  if (purchase?.state === 'authorized') end(tx, purchase, `Its top-up failed: ${reason}`, atMs);
}

function end(tx: Tx, payment: Payment, reason: string, atMs: number): void {
  const reasons = [...payment.reasons, { code: 'transfer_reverted', rule: 'chain', message: reason }];
  tx.run('UPDATE payments SET reasons_json = ? WHERE id = ?', JSON.stringify(reasons), payment.id);
  transition(tx, payment, 'fail', { actor: 'bursar', atMs, data: { reason } });
}

/** A revoked agent's unsigned payments end; the holds go back to its wallet, for the owner to withdraw. */
export function cancelRevoked(tx: Tx, atMs: number): void {
  const rows = tx.all<PaymentRow>(
    `SELECT p.* FROM payments p JOIN agents a ON a.id = p.agent_id
     WHERE p.${WORKING} AND p.state IN ('authorized', 'in_review') AND a.status = 'revoked' ORDER BY p.id LIMIT 1000`,
  );
  for (const row of rows) {
    const payment = toPayment(row);
    if (payment.state === 'in_review' || withdrawQueued(tx, payment)) {
      transition(tx, payment, 'cancel', { actor: 'bursar', atMs, data: { reason: 'agent_revoked' } });
    }
  }
}

/** Notes wallets whose deployment has been mined. */
export function noteDeployed(tx: Tx, chainId: number, atMs: number): void {
  const rows = tx.all<{ agent_id: string; address: string; tx_hash: string }>(
    `SELECT w.agent_id, w.address, t.mined_hash AS tx_hash FROM wallets w JOIN transactions t ON t.purpose = 'deploy:' || w.agent_id
     WHERE w.chain_id = ? AND w.deployed_at IS NULL AND t.state IN ('mined', 'final') AND t.succeeded = 1`,
    chainId,
  );
  for (const row of rows) {
    tx.run('UPDATE wallets SET deployed_at = ? WHERE agent_id = ? AND chain_id = ?', atMs, row.agent_id, chainId);
    appendEvent(
      tx,
      {
        type: 'wallet.deployed',
        actor: 'bursar',
        agentId: row.agent_id,
        data: { address: row.address, tx_hash: row.tx_hash },
      },
      atMs,
    );
  }
}
