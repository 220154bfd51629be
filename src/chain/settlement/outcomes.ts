import { appendEvent } from '../../books/ledger/events.ts';
import type { Payment } from '../../decide/payments/payment.ts';
import { setReasons } from '../../decide/payments/queries.ts';
import { findPayment, toPayment } from '../../decide/payments/records.ts';
import { transition } from '../../decide/payments/transition.ts';
import type { Tx } from '../../store/store.ts';
import { newlyDeployed, setDeployed, signedButAuthorized, unsignedOfRevoked } from './queries.ts';
import { withdrawQueued } from './withdraw.ts';

/** Authorized payments whose transaction is signed are submitted: from here on only the chain can end them. */
export function noteSubmitted(tx: Tx, atMs: number): void {
  for (const row of tx.all(signedButAuthorized)) transition(tx, toPayment(row), 'submit', { actor: 'bursar', atMs });
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
  tx.run(setReasons, { id: payment.id, reasons: JSON.stringify(reasons) });
  transition(tx, payment, 'fail', { actor: 'bursar', atMs, data: { reason } });
}

/** A revoked agent's unsigned payments end; the holds go back to its wallet, for the owner to withdraw. */
export function cancelRevoked(tx: Tx, atMs: number): void {
  for (const row of tx.all(unsignedOfRevoked)) {
    const payment = toPayment(row);
    if (payment.state === 'in_review' || withdrawQueued(tx, payment)) {
      transition(tx, payment, 'cancel', { actor: 'bursar', atMs, data: { reason: 'agent_revoked' } });
    }
  }
}

/** Notes wallets whose deployment has been mined. */
export function noteDeployed(tx: Tx, chainId: number, atMs: number): void {
  for (const row of tx.all(newlyDeployed, { chain: chainId })) {
    tx.run(setDeployed, { agent: row.agent_id, chain: chainId, at: atMs });
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
