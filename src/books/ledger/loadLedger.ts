import type { ReadTx, Tx } from '../../store/store.ts';
import type { Account } from './accounts.ts';
import { GENESIS } from './event.ts';
import { type LedgerChanges, LedgerSet } from './ledgerSet.ts';
import { addEntryAs, addEvent, balanceOf, eventHead, newestEntry, setBalance } from './queries.ts';

export async function loadLedger(tx: ReadTx, accounts: readonly Account[]): Promise<LedgerSet> {
  const rows = await tx.getEach(
    balanceOf,
    accounts.map((account) => ({ account })),
  );
  const balances = new Map(accounts.map((account, index) => [account, rows[index]?.amount_micro ?? 0n]));
  return new LedgerSet(balances, (await tx.get(newestEntry))?.id ?? 0n, (await tx.get(eventHead)) ?? GENESIS);
}

/** Writes the changes of a set, each balance once. */
export async function commitLedger(tx: Tx, { entries, balances, events }: LedgerChanges): Promise<void> {
  await tx.runEach(
    addEntryAs,
    entries.map(({ id, kind, paymentId: payment, atMs: at, from, to, amountMicro: amount }) => ({
      ...{ id, kind, payment, at, from, to, amount },
    })),
  );
  for (const { id, isNoted } of entries) if (isNoted) tx.noteRow?.('ledger_entries', `[${id}]`);
  await tx.runEach(
    setBalance,
    [...balances].map(([account, amount]) => ({ account, amount })),
  );
  await tx.runEach(addEvent, events);
}
