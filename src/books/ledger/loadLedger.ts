import { mapInOrder } from '../../core/inOrder.ts';
import type { ReadTx, Tx } from '../../store/store.ts';
import type { Account } from './accounts.ts';
import { GENESIS } from './event.ts';
import { balance } from './journal.ts';
import { type LedgerChanges, LedgerSet } from './ledgerSet.ts';
import { addEntryAs, addEvent, eventHead, newestEntry, setBalance } from './queries.ts';

export async function loadLedger(tx: ReadTx, accounts: ReadonlySet<Account>): Promise<LedgerSet> {
  const balances = new Map(await mapInOrder([...accounts], async (account) => [account, await balance(tx, account)]));
  return new LedgerSet(balances, (await tx.get(newestEntry))?.id ?? 0n, (await tx.get(eventHead)) ?? GENESIS);
}

/** Writes the changes of a set, each balance once. */
export async function commitLedger(tx: Tx, { entries, balances, events }: LedgerChanges): Promise<void> {
  for (const { id, kind, paymentId: payment, atMs: at, from, to, amountMicro: amount, isNoted } of entries) {
    await tx.run(addEntryAs, { id, kind, payment, at, from, to, amount });
    if (isNoted) tx.noteRow?.('ledger_entries', `[${id}]`);
  }
  for (const [account, amount] of balances) await tx.run(setBalance, { account, amount });
  for (const event of events) await tx.run(addEvent, event);
}
