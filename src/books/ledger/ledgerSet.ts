import { invariant } from '../../core/errors/base.ts';
import type { Account } from './accounts.ts';
import { type EventFields, type EventHead, type EventRow, eventAfter } from './event.ts';

/** A move between an agent's own accounts. `isNoted`: made after its payment, so no event of the payment names it. */
export type HoldEntry = {
  kind: 'reserve';
  atMs: number;
  paymentId: string;
  from: Account;
  to: Account;
  amountMicro: bigint;
  isNoted: boolean;
};
/** An event without its place in the log. `entry`: the journal entry that it reports; its number comes with the place. */
type NewEvent = { fields: EventFields; atMs: number; entry: HoldEntry | null };
/** What a group of requests adds to the ledger and the event log, in order. */
export type LedgerChanges = {
  entries: HoldEntry[];
  balances: Map<Account, bigint>;
  events: NewEvent[];
};
/** The same as rows. */
export type LedgerRows = { entries: (HoldEntry & { id: bigint })[]; events: EventRow[] };

/**
 * The balances that a group of requests is decided by. Pure: its content was read before, and its changes are written after. Every
 * entry takes an amount from one account and adds it to another.
 */
export class LedgerSet {
  readonly changes: LedgerChanges = { entries: [], balances: new Map(), events: [] };
  readonly #balances: Map<Account, bigint>;
  readonly #moved = new Map<Account, bigint>();

  constructor(balances: Map<Account, bigint>) {
    this.#balances = balances;
  }

  /** Takes the balances of a set that was read later; what this one has moved stays moved. */
  join(later: LedgerSet): void {
    for (const [account, amount] of later.#balances)
      this.#balances.set(account, amount + (this.#moved.get(account) ?? 0n));
  }

  /** In micro-USDC. */
  balance(account: Account): bigint {
    const amount = this.#balances.get(account);
    invariant(amount !== undefined, 'A balance was read that was not asked for.', { account });
    return amount;
  }

  /** Reserves money. The caller has checked that the balance suffices. Returns the entry, for the event that reports it. */
  reserve(entry: HoldEntry): HoldEntry {
    const { from, to, amountMicro } = entry;
    const isCovered = amountMicro > 0n && this.balance(from) >= amountMicro;
    invariant(isCovered, 'A hold of more than there is.', { account: from });
    this.#move(from, -amountMicro);
    this.#move(to, amountMicro);
    this.changes.entries.push(entry);
    return entry;
  }

  append(fields: EventFields, atMs: number, entry: HoldEntry | null = null): void {
    this.changes.events.push({ fields, atMs, entry });
  }

  #move(account: Account, by: bigint): void {
    const amount = this.balance(account) + by;
    this.#balances.set(account, amount);
    this.#moved.set(account, (this.#moved.get(account) ?? 0n) + by);
    this.changes.balances.set(account, amount);
  }
}

/**
 * Numbers entries and events, and continues the hash chain. Not part of the decision: the ends of journal and log are read last, so
 * that on PostgreSQL the log is locked for the end of a group only, while other servers decide.
 */
export function numbered(
  { entries, events }: Pick<LedgerChanges, 'entries' | 'events'>,
  lastEntry: bigint,
  head: EventHead,
): LedgerRows {
  const rows = entries.map((entry, index) => ({ ...entry, id: lastEntry + BigInt(index) + 1n }));
  const ids = new Map(entries.map((entry, index) => [entry, rows[index]?.id]));
  let last = head;
  return {
    entries: rows,
    events: events.map(({ fields, atMs, entry }) => {
      const data = entry === null ? fields.data : { ...fields.data, entry: Number(ids.get(entry)) };
      const event = eventAfter(last, { ...fields, data: data ?? {} }, atMs);
      last = event;
      return event;
    }),
  };
}
