import { invariant } from '../../core/errors/base.ts';
import type { MeterPlace } from './places.ts';

/** `total` in micro-USDC and `count` of payments in the window, reservations included; `last_at` epoch ms. */
export type MeterReading = { total: number; count: number; last_at: number | null };

/** A total as it stands, and what the group has added to it. `isNew`: it has no row yet. */
export type MeterTotal = {
  readonly id: bigint;
  readonly meter: string;
  readonly grp: string;
  readonly start: number;
  total: bigint;
  count: bigint;
  lastAt: number | null;
  addedMicro: bigint;
  addedCount: bigint;
  readonly isNew: boolean;
};
/** A payment that is counted already: its amount, and the totals in which it stands now. */
export type OwnCount = { amountMicro: bigint; rows: ReadonlySet<bigint> };
export type CountedPayment = { id: string; at: number; amountMicro: bigint; rows: readonly bigint[] };
export type RollingEntry = { meter: string; at: number; payment: string; row: bigint; amountMicro: bigint };

/** What a group of payments put into meters, as rows. */
export type MeterChanges = { totals: Set<MeterTotal>; rolling: RollingEntry[]; counted: CountedPayment[] };

/**
 * The totals that a group of payments is decided by and counted in. Pure: what it holds was read before, and what it
 * changed is written after. A payment sees what those before it in the group have added.
 */
export class MeterSet {
  readonly changes: MeterChanges = { totals: new Set(), rolling: [], counted: [] };
  readonly #totals: Map<string, MeterTotal | null>;
  #nextId: bigint;

  /** `totals`: every place that may be read, null where it has no row. `nextId`: of the next row. */
  constructor(totals: Map<string, MeterTotal | null>, nextId: bigint) {
    this.#totals = totals;
    this.#nextId = nextId;
  }

  /** Takes the totals of a set that was read later; what this one has added stays added. */
  join(later: MeterSet): void {
    for (const [key, fresh] of later.#totals) {
      const own = this.#totals.get(key);
      if (fresh && own?.addedCount) {
        const { addedMicro, addedCount } = own;
        const lastAt = Math.max(fresh.lastAt ?? 0, own.lastAt ?? 0);
        const [total, count] = [fresh.total + addedMicro, fresh.count + addedCount];
        this.#totals.set(key, { ...fresh, total, count, lastAt, addedMicro, addedCount });
      } else if (!own?.addedCount) this.#totals.set(key, fresh);
    }
  }

  /** What the meters show; `own`, a payment that is decided again, does not stand against itself. */
  read(places: readonly MeterPlace[], own?: OwnCount): Record<string, MeterReading> {
    const readings: Record<string, MeterReading> = {};
    for (const place of places) {
      const row = this.#at(place);
      if (row === null) {
        readings[place.name] = { total: 0, count: 0, last_at: null };
        continue;
      }
      const isOwn = own?.rows.has(row.id) ?? false;
      const total = Number(isOwn && own ? row.total - own.amountMicro : row.total);
      // Refunds that arrived in a window of little spending never allow more than the limit.
      readings[place.name] = {
        total: total < 0 ? 0 : total,
        count: Number(row.count) - (isOwn ? 1 : 0),
        last_at: row.lastAt,
      };
    }
    return readings;
  }

  /** Counts a payment in every meter that takes it. Gives the ids of those totals. */
  count(places: readonly MeterPlace[], payment: { id: string; amountMicro: bigint }, atMs: number): readonly bigint[] {
    const { id, amountMicro } = payment;
    const rows: bigint[] = [];
    for (const place of places) {
      if (!place.takes) continue;
      const row = this.#at(place) ?? this.#begin(place);
      row.total += amountMicro;
      row.addedMicro += amountMicro;
      row.count += 1n;
      row.addedCount += 1n;
      row.lastAt = Math.max(row.lastAt ?? 0, atMs);
      this.changes.totals.add(row);
      rows.push(row.id);
      if (place.cut !== null)
        this.changes.rolling.push({ meter: place.meter, at: atMs, payment: id, row: row.id, amountMicro });
    }
    if (rows.length > 0) this.changes.counted.push({ id, at: atMs, amountMicro, rows });
    return rows;
  }

  /** The id of the total at a place; null where nothing has counted there yet. */
  rowAt(place: MeterPlace): bigint | null {
    return this.#at(place)?.id ?? null;
  }

  /**
   * Adds a payment to totals that only a candidate has: later requests of the group see it. Nothing of it is written: these totals are
   * counted from the events. `besides`: where it counts already.
   */
  anticipate(
    places: readonly MeterPlace[],
    besides: readonly MeterPlace[],
    { amountMicro, atMs }: { amountMicro: bigint; atMs: number },
  ): void {
    const counted = new Set(besides.map(({ key }) => key));
    for (const place of places) {
      if (!place.takes || counted.has(place.key)) continue;
      const { meter, grp, start, key } = place;
      const none = { id: -1n, meter, grp, start, total: 0n, count: 0n, lastAt: null, addedMicro: 0n, addedCount: 0n };
      const row = this.#at(place) ?? { ...none, isNew: true };
      const lastAt = Math.max(row.lastAt ?? 0, atMs);
      this.#totals.set(key, { ...row, total: row.total + amountMicro, count: row.count + 1n, lastAt });
    }
  }

  #at(place: MeterPlace): MeterTotal | null {
    const row = this.#totals.get(place.key);
    invariant(row !== undefined, 'A meter was read that was not asked for.', { meter: place.meter });
    return row;
  }

  #begin({ meter, grp, start, key }: MeterPlace): MeterTotal {
    const row: MeterTotal = {
      id: this.#nextId,
      meter,
      grp,
      start,
      total: 0n,
      count: 0n,
      lastAt: null,
      addedMicro: 0n,
      addedCount: 0n,
      isNew: true,
    };
    this.#nextId += 1n;
    this.#totals.set(key, row);
    return row;
  }
}
