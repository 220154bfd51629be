import { type Account, type AgentAccount, agentAccount, post } from '../../books/ledger/journal.ts';
import type { Tx } from '../../store/store.ts';
import type { Payment, Rail } from './payment.ts';
import { addToHeld, setHeldNothing } from './queries.ts';

/** Where a rail's money waits before and while it is held. */
export function holdAccounts(rail: Rail): { free: AgentAccount; held: AgentAccount } {
  return rail === 'wallet' ? { free: 'available', held: 'reserved' } : { free: 'purse', held: 'purse_reserved' };
}

/** The account from which a payment's settlement goes out. */
export function heldAccount(payment: Payment): Account {
  return agentAccount(payment.agentId, holdAccounts(payment.rail).held);
}

/** Sets more of the agent's money aside for a stored payment. Throws `insufficient_funds` when there is too little. */
export function hold(
  tx: Tx,
  payment: Pick<Payment, 'id' | 'agentId' | 'rail'>,
  amountMicro: bigint,
  atMs: number,
): void {
  if (amountMicro === 0n) return;
  const entry = reserve(tx, payment, amountMicro, atMs);
  tx.noteRow?.('ledger_entries', `[${entry}]`);
  tx.run(addToHeld, { id: payment.id, amount: amountMicro });
}

/**
 * The journal's side of a hold, where the payment's row says the amount already. Gives the entry's id, null where nothing is held:
 * the payment's first event carries it. Throws `insufficient_funds`.
 */
export function reserve(
  tx: Tx,
  payment: Pick<Payment, 'id' | 'agentId' | 'rail'>,
  amountMicro: bigint,
  atMs: number,
): bigint | null {
  if (amountMicro === 0n) return null;
  const { free, held } = holdAccounts(payment.rail);
  return post(tx, {
    kind: 'reserve',
    atMs,
    paymentId: payment.id,
    lines: [
      [agentAccount(payment.agentId, free), -amountMicro],
      [agentAccount(payment.agentId, held), amountMicro],
    ],
  });
}

/** Gives what is held back to where it came from. */
export function releaseHold(tx: Tx, payment: Payment, atMs: number): void {
  if (payment.heldMicro === 0n) return;
  const { free, held } = holdAccounts(payment.rail);
  post(tx, {
    kind: 'release',
    atMs,
    paymentId: payment.id,
    lines: [
      [agentAccount(payment.agentId, held), -payment.heldMicro],
      [agentAccount(payment.agentId, free), payment.heldMicro],
    ],
  });
  tx.run(setHeldNothing, { id: payment.id });
}
