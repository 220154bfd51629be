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
/** The rows that a group of requests adds to the ledger and the event log. */
export type LedgerChanges = {
  entries: (HoldEntry & { id: bigint })[];
  balances: Map<Account, bigint>;
  events: EventRow[];
};

/**
 * The balances that a group of requests is decided by, and the ends of journal and event log. Pure: its content was read before,
 * and its changes are written after. Every entry takes an amount from one account and adds it to another.
 */
export class LedgerSet {
  readonly changes: LedgerChanges = { entries: [], balances: new Map(), events: [] };
  readonly #balances: Map<Account, bigint>;
  readonly #moved = new Map<Account, bigint>();
  #lastEntry: bigint;
  #head: EventHead;

  constructor(balances: Map<Account, bigint>, lastEntry: bigint, head: EventHead) {
    this.#balances = balances;
    this.#lastEntry = lastEntry;
    this.#head = head;
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

  /** Reserves money. The caller has checked that the balance suffices. Returns the id of the entry. */
  reserve(entry: HoldEntry): bigint {
    const { from, to, amountMicro } = entry;
    const isCovered = amountMicro > 0n && this.balance(from) >= amountMicro;
    invariant(isCovered, 'A hold of more than there is.', { account: from });
    this.#move(from, -amountMicro);
    this.#move(to, amountMicro);
    this.#lastEntry += 1n;
    this.changes.entries.push({ ...entry, id: this.#lastEntry });
    return this.#lastEntry;
  }

  append(fields: EventFields, atMs: number): void {
    const event = eventAfter(this.#head, fields, atMs);
    this.#head = event;
    this.changes.events.push(event);
  }

  #move(account: Account, by: bigint): void {
    const amount = this.balance(account) + by;
    this.#balances.set(account, amount);
    this.#moved.set(account, (this.#moved.get(account) ?? 0n) + by);
    this.changes.balances.set(account, amount);
  }
}
