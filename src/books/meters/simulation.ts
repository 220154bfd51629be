import { type MeterDeclaration, type MeterDeclarations, windowStart } from './declarations.ts';
import type { MeterReading } from './meterSet.ts';
import { isRollingWindow, type MeterSubject, placesOf, ROLLING, textOf } from './places.ts';

/** What counts in a total: since when, and as how many payments (a refund: 0). */
type Entry = { id: string; at: number; amountMicro: bigint; counted: number };
/** `inside`: of a rolling window, oldest first; null for the other kinds. */
type Total = { amountMicro: bigint; count: number; lastAt: number | null; inside: Entry[] | null };
type Place = { meter: string; grp: string; start: number; total: Total; entry: Entry };

export type CountedPayment = { id: string; subject: MeterSubject; amountMicro: bigint; atMs: number };

/**
 * Meters in memory, by the rules of the stored ones: what they would have shown had they been declared then. Payments come in
 * order of time; what has left a rolling window does not come back into it.
 */
export class MeterSimulation {
  readonly #declarations: MeterDeclarations;
  readonly #totals = new Map<string, Total>();
  readonly #places = new Map<string, readonly Place[]>();
  readonly #refunded = new Set<string>();

  constructor(declarations: MeterDeclarations) {
    this.#declarations = declarations;
  }

  /** What each meter shows to a payment of this subject. */
  read(subject: MeterSubject, atMs: number): Record<string, MeterReading> {
    const readings: Record<string, MeterReading> = {};
    for (const { name, key, cut } of placesOf(this.#declarations, subject, atMs, itself)) {
      const total = this.#totals.get(key);
      if (total && cut !== null) letGo(total, cut);
      const micro = Number(total?.amountMicro ?? 0n);
      readings[name] = { total: micro < 0 ? 0 : micro, count: total?.count ?? 0, last_at: total?.lastAt ?? null };
    }
    return readings;
  }

  /** From its decision on a payment counts, whether it is allowed or waits for people. */
  count({ id, subject, amountMicro, atMs }: CountedPayment): void {
    const taken = placesOf(this.#declarations, subject, atMs, itself).filter(({ takes }) => takes);
    const places = taken.map(({ meter, grp, start, cut }): Place => {
      const total = this.#at({ meter, grp, start });
      if (cut !== null) letGo(total, cut);
      const entry = { id, at: atMs, amountMicro, counted: 1 };
      putIn(total, entry);
      total.lastAt = Math.max(total.lastAt ?? 0, atMs);
      return { meter, grp, start, total, entry };
    });
    if (places.length > 0) this.#places.set(id, places);
  }

  /** The payment will never happen: takes it out of the windows in which it counted and still is. */
  release(id: string): void {
    for (const { total, entry } of this.#places.get(id) ?? []) takeOut(total, entry);
    this.#places.delete(id);
  }

  /** Gives back what each meter declares. Nothing where the original was never counted, or the refund came before. */
  refund(refund: { id: string; originalId: string; amountMicro: bigint; atMs: number }): void {
    const places = this.#places.get(refund.originalId);
    if (!places || this.#refunded.has(refund.id)) return;
    this.#refunded.add(refund.id);
    for (const place of places) {
      const declaration = this.#declarations[place.meter];
      if (!declaration || declaration.refunds === 'never') continue;
      const back = { id: refund.id, amountMicro: -refund.amountMicro, counted: 0 };
      if (declaration.refunds === 'current') this.#giveBackNow(declaration, place, { ...back, at: refund.atMs });
      else if (isStillIn(place)) putIn(place.total, { ...back, at: place.entry.at });
    }
  }

  #giveBackNow(declaration: MeterDeclaration, { meter, grp, entry }: Place, back: Entry): void {
    // As with the stored meters, a refund is never older than what it gives back.
    const at = Math.max(back.at, entry.at);
    const start = isRollingWindow(declaration) ? ROLLING : windowStart(declaration.window, at);
    putIn(this.#at({ meter, grp, start }), { ...back, at });
  }

  #at(place: { meter: string; grp: string; start: number }): Total {
    const key = textOf(place);
    let total = this.#totals.get(key);
    if (!total) {
      total = { amountMicro: 0n, count: 0, lastAt: null, inside: place.start === ROLLING ? [] : null };
      this.#totals.set(key, total);
    }
    return total;
  }
}

const itself = (meter: string): string => meter;

const isStillIn = ({ total, entry }: Place): boolean => total.inside?.includes(entry) ?? true;

function putIn(total: Total, entry: Entry): void {
  total.amountMicro += entry.amountMicro;
  total.count += entry.counted;
  if (total.inside) total.inside.splice(total.inside.findLastIndex(({ at }) => at <= entry.at) + 1, 0, entry);
}

function takeOut(total: Total, entry: Entry): void {
  if (total.inside) {
    const index = total.inside.indexOf(entry);
    if (index < 0) return;
    total.inside.splice(index, 1);
  }
  total.amountMicro -= entry.amountMicro;
  total.count -= entry.counted;
}

function letGo(total: Total, cut: number): void {
  if (!total.inside) return;
  const kept = total.inside.findIndex(({ at }) => at >= cut);
  for (const { amountMicro, counted } of total.inside.splice(0, kept < 0 ? total.inside.length : kept)) {
    total.amountMicro -= amountMicro;
    total.count -= counted;
  }
}
