import type { Change } from './statement.ts';

/**
 * What the write transaction has read already and need not read again. One process owns the file and all writes go through one
 * connection, so what is remembered is what SQLite would answer, as long as three rules hold: facts are forgotten at every
 * statement that writes to another table than those below; everything at every roll-back, and where somebody else wrote after all.
 */
export interface Memory {
  /** The fact of that kind and key, read at most once until a statement writes to its tables. Frozen, since it is shared. */
  fact<T>(kind: FactKind, key: string, read: () => T): T;
  /** What only its own writer changes, and keeps right itself: ids of rows that are never deleted, the end of a chain. */
  readonly kept: Map<string, unknown>;
}

/** One kind for each lookup. Keys are texts that callers choose, so a key of one kind must never be read as one of another. */
export type FactKind =
  | 'agent'
  | 'sponsor'
  | 'workflow'
  | 'payee'
  | 'payeeOfAgent'
  | 'payeeByHost'
  | 'payeeByAddress'
  | 'ownersOfAddress';

/** Reads a fact, or remembers it where the transaction does. */
export const factOf = <T>(tx: { readonly memory?: Memory }, kind: FactKind, key: string, read: () => T): T =>
  tx.memory ? tx.memory.fact(kind, key, read) : read();

/** More than this and all is read again: a bound, not a tuning. */
const ENTRIES_MAX = 50_000;

/** What every payment writes, and the event log's tree after it. No fact may be read from these tables; a write to any other forgets all facts. */
export const paymentTables = [
  'payments',
  'decisions',
  'ledger_entries',
  'balances',
  'meters',
  'meter_entries',
  'meter_rolling',
  'events',
  'log_tiles',
  'payment_history',
  'earnings',
] as const;
const leavesFacts: ReadonlySet<string> = new Set(paymentTables);
const LEAVES_FACTS = new RegExp(`^\\s*(INSERT INTO|UPDATE|DELETE FROM) (${paymentTables.join('|')})\\b`);
/** The one column of a wallet that each payment changes; no fact holds it. */
const TAKES_NONCE = /^\s*UPDATE wallets SET next_nonce = next_nonce \+ 1 WHERE /;

/** Whether a statement that writes may change what facts are read from. Where in doubt, yes. A text is judged by its first words. */
export function changesFacts(change: Change | string): boolean {
  if (typeof change === 'string') return !LEAVES_FACTS.test(change) && !TAKES_NONCE.test(change);
  const { table, columns } = change;
  if (table === 'wallets') return columns === null || columns.some((column) => column !== 'next_nonce');
  return !leavesFacts.has(table);
}

export class TxMemory implements Memory {
  readonly #facts = new Map<FactKind, Map<string, unknown>>();
  readonly kept = new Map<string, unknown>();

  fact<T>(kind: FactKind, key: string, read: () => T): T {
    let known = this.#facts.get(kind);
    if (!known) {
      known = new Map();
      this.#facts.set(kind, known);
    }
    const remembered = known.get(key);
    if (remembered !== undefined) return remembered as T;
    const value = frozen(read());
    if (known.size >= ENTRIES_MAX) known.clear();
    if (value !== undefined) known.set(key, value);
    return value;
  }

  forgetFacts(): void {
    this.#facts.clear();
  }

  /** After a roll-back: what was read may never have been. */
  forgetAll(): void {
    this.#facts.clear();
    this.kept.clear();
  }

  /** Between jobs. */
  bound(): void {
    if (this.kept.size > ENTRIES_MAX) this.kept.clear();
  }
}

function frozen<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  for (const each of Object.values(value)) frozen(each);
  return Object.freeze(value);
}
