import { appendEvent } from '../../books/ledger/events.ts';
import type { Payment } from '../../decide/payments/payment.ts';
import { setReasons } from '../../decide/payments/queries.ts';
import { findPayment, toPayment } from '../../decide/payments/records.ts';
import { transition } from '../../decide/payments/transition.ts';
import type { Tx } from '../../store/store.ts';
import { mayBeMined, outcomesOfPayment } from '../relayer/outcomes.ts';
import { newlyDeployed, setDeployed, signedButAuthorized, unsignedOfRevoked } from './queries.ts';
import { withdrawQueued } from './withdraw.ts';

/** Authorized payments whose transaction is signed are submitted: from here on only the chain can end them. */
export async function noteSubmitted(tx: Tx, atMs: number): Promise<void> {
  for (const row of await tx.all(signedButAuthorized))
    await transition(tx, toPayment(row), 'submit', { actor: 'bursar', atMs });
}

/** A payment that the wallet refuses for good: the chain's state says so, and its nonce is unused. */
export type Failure = { payment: Payment; reason: string };

/**
 * Gives the money back; a purchase that waited for this top-up cannot go on either. Does nothing while a transaction of the payment may
 * be mined: one that was queued since the chain was asked, or that was given up on a node's word.
 */
export async function failPayment(tx: Tx, { payment, reason }: Failure, atMs: number): Promise<void> {
  const now = await findPayment(tx, payment.id);
  if (!now || now.state !== payment.state) return;
  if ((await outcomesOfPayment(tx, now.id)).some(({ outcome }) => mayBeMined(outcome))) return;
  await end(tx, now, reason, atMs);
  const purchase = now.fundsPayment ? await findPayment(tx, now.fundsPayment) : undefined;
  if (purchase?.state === 'authorized') await end(tx, purchase, `Its top-up failed: ${reason}`, atMs);
}

async function end(tx: Tx, payment: Payment, reason: string, atMs: number): Promise<void> {
  const reasons = [...payment.reasons, { code: 'transfer_reverted', rule: 'chain', message: reason }];
  await tx.run(setReasons, { id: payment.id, reasons: JSON.stringify(reasons) });
  await transition(tx, payment, 'fail', { actor: 'bursar', atMs, data: { reason } });
}

/** A revoked agent's unsigned payments end; the holds go back to its wallet, for the owner to withdraw. */
export async function cancelRevoked(tx: Tx, atMs: number): Promise<void> {
  for (const row of await tx.all(unsignedOfRevoked)) {
    const payment = toPayment(row);
    if (payment.state === 'in_review' || (await withdrawQueued(tx, payment))) {
      await transition(tx, payment, 'cancel', { actor: 'bursar', atMs, data: { reason: 'agent_revoked' } });
    }
  }
}

/** Notes wallets whose deployment has been mined. */
export async function noteDeployed(tx: Tx, chainId: number, atMs: number): Promise<void> {
  for (const row of await tx.all(newlyDeployed, { chain: chainId })) {
    await tx.run(setDeployed, { agent: row.agent_id, chain: chainId, at: atMs });
    await appendEvent(
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
