import type { ReadTx, Tx } from '../../store/store.ts';
import { addToHistory, forgetHistory, historyOf, writeHistory } from './historyQueries.ts';
import type { Payment } from './payment.ts';
import { hostSubject, type SettledHistory } from './workingSet.ts';

/** In the order of the keys; null where nothing has settled. `subject`: a payee, an address or a host. */
export async function readHistory(
  tx: ReadTx,
  keys: readonly { agent: string; subject: string }[],
): Promise<(SettledHistory | null)[]> {
  return (await tx.getEach(historyOf, keys)).map((row) =>
    row
      ? {
          settled_count: Number(row.settled_count),
          last_amount: Number(row.last_amount_micro),
          max_amount: Number(row.max_amount_micro),
          last_at: Number(row.last_at),
          last_address: row.last_address,
        }
      : null,
  );
}

/** Recorded when a payment settles, never at quote time: what was only offered teaches nothing. */
export async function recordSettlement(tx: Tx, payment: Payment, atMs: number): Promise<void> {
  if (payment.kind === 'top_up') return;
  for (const subject of subjectsOf(payment)) {
    const { agentId: agent, address, amount } = payment;
    await tx.run(addToHistory, { agent, subject, address, amount, at: atMs });
  }
}

/**
 * After a reorg: writes what the payments that are still settled say, for every payee, address and host that an undone payment
 * named. Nothing of an undone payment may stay input of a decision. Reads an agent's payments once, however many were undone.
 */
export async function rebuildHistory(tx: Tx, undone: readonly Payment[]): Promise<void> {
  const byAgent = new Map<string, Set<string>>();
  for (const payment of undone) {
    if (payment.kind === 'top_up') continue;
    const subjects = byAgent.get(payment.agentId) ?? new Set();
    for (const subject of subjectsOf(payment)) subjects.add(subject);
    byAgent.set(payment.agentId, subjects);
  }
  for (const [agentId, named] of byAgent) {
    const subjects = [...named];
    await tx.run(forgetHistory, { agent: agentId, subjects });
    await tx.run(writeHistory, { agent: agentId, subjects });
  }
}

function subjectsOf(payment: Payment): string[] {
  const subjects: string[] = [payment.address];
  if (payment.payeeId) subjects.push(payment.payeeId);
  if (payment.host) subjects.push(hostSubject(payment.host));
  return subjects;
}
