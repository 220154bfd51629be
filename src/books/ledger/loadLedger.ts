import type { ReadTx, Tx } from '../../store/store.ts';
import type { Account } from './accounts.ts';
import { GENESIS } from './event.ts';
import { type LedgerChanges, LedgerSet, numbered } from './ledgerSet.ts';
import { addEntryAs, addEvent, balanceOf, eventHead, newestEntry, setBalance } from './queries.ts';

export async function loadLedger(tx: ReadTx, accounts: readonly Account[]): Promise<LedgerSet> {
  const rows = await tx.getEach(
    balanceOf,
    accounts.map((account) => ({ account })),
  );
  return new LedgerSet(new Map(accounts.map((account, index) => [account, rows[index]?.amount_micro ?? 0n])));
}

/** Writes the changes of a set, each balance once; entries and events last, because they lock the end of the event log. */
export async function commitLedger(tx: Tx, changes: LedgerChanges): Promise<void> {
  await tx.runEach(
    setBalance,
    [...changes.balances].map(([account, amount]) => ({ account, amount })),
  );
  await tx.locks?.whole('events');
  const head = (await tx.get(eventHead)) ?? GENESIS;
  const lastEntry = changes.entries.length === 0 ? 0n : ((await tx.get(newestEntry))?.id ?? 0n);
  const { entries, events } = numbered(changes, lastEntry, head);
  await tx.runEach(
    addEntryAs,
    entries.map(({ id, kind, paymentId: payment, atMs: at, from, to, amountMicro: amount }) => ({
      ...{ id, kind, payment, at, from, to, amount },
    })),
  );
  for (const { id, isNoted } of entries) if (isNoted) tx.noteRow?.('ledger_entries', `[${id}]`);
  await tx.runEach(addEvent, events);
}
