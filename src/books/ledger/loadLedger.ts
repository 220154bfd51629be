import type { ReadTx, Tx } from '../../store/store.ts';
import type { Account } from './accounts.ts';
import { GENESIS } from './event.ts';
import { balance } from './journal.ts';
import { type LedgerChanges, LedgerSet } from './ledgerSet.ts';
import { addEntryAs, addEvent, eventHead, newestEntry, setBalance } from './queries.ts';

export function loadLedger(tx: ReadTx, accounts: ReadonlySet<Account>): LedgerSet {
  const balances = new Map([...accounts].map((account) => [account, balance(tx, account)]));
  return new LedgerSet(balances, tx.get(newestEntry)?.id ?? 0n, tx.get(eventHead) ?? GENESIS);
}

/** Writes the changes of a set, each balance once. */
export function commitLedger(tx: Tx, { entries, balances, events }: LedgerChanges): void {
  for (const { id, kind, paymentId: payment, atMs: at, from, to, amountMicro: amount, isNoted } of entries) {
    tx.run(addEntryAs, { id, kind, payment, at, from, to, amount });
    if (isNoted) tx.noteRow?.('ledger_entries', `[${id}]`);
  }
  for (const [account, amount] of balances) tx.run(setBalance, { account, amount });
  for (const event of events) tx.run(addEvent, event);
}
