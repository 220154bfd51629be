import { type Account, agentAccount, post } from '../../books/ledger/journal.ts';
import type { Tx } from '../../store/store.ts';
import { holdAccounts } from './funding.ts';
import type { Payment } from './payment.ts';
import { addToHeld, setHeldNothing } from './queries.ts';

/** The account from which a payment's settlement goes out. */
export function heldAccount(payment: Payment): Account {
  return agentAccount(payment.agentId, holdAccounts(payment.rail).held);
}

/** Sets more of the agent's money aside for a stored payment. Throws `insufficient_funds` when there is too little. */
export async function hold(
  tx: Tx,
  payment: Pick<Payment, 'id' | 'agentId' | 'rail'>,
  amountMicro: bigint,
  atMs: number,
): Promise<void> {
  if (amountMicro === 0n) return;
  const { free, held } = holdAccounts(payment.rail);
  const entry = await post(tx, {
    kind: 'reserve',
    atMs,
    paymentId: payment.id,
    lines: [
      [agentAccount(payment.agentId, free), -amountMicro],
      [agentAccount(payment.agentId, held), amountMicro],
    ],
  });
  // No event of the payment names this entry.
  tx.noteRow?.('ledger_entries', `[${entry}]`);
  await tx.run(addToHeld, { id: payment.id, amount: amountMicro });
}

/** Gives what is held back to where it came from. */
export async function releaseHold(tx: Tx, payment: Payment, atMs: number): Promise<void> {
  if (payment.heldMicro === 0n) return;
  const { free, held } = holdAccounts(payment.rail);
  await post(tx, {
    kind: 'release',
    atMs,
    paymentId: payment.id,
    lines: [
      [agentAccount(payment.agentId, held), -payment.heldMicro],
      [agentAccount(payment.agentId, free), payment.heldMicro],
    ],
  });
  await tx.run(setHeldNothing, { id: payment.id });
}
