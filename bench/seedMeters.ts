import { type MeterDeclarations, windowStart } from '../src/books/meters/declarations.ts';
import { isRollingWindow, type MeterSubject, ROLLING } from '../src/books/meters/places.ts';
import type { AnyRow } from '../src/store/rows.ts';

/** Adds up a past as the ledger would have: the meters' rows at the end, and for each payment where it counts. */
export function seedMeters(
  declarations: MeterDeclarations,
  endMs: number,
): {
  /** `ids`: all meters that it is in. `inside`: the rolling ones that it has not left at the end. */
  add: (
    subject: MeterSubject,
    amountMicro: bigint,
    atMs: number,
  ) => { ids: number[]; inside: { meter: string; meter_id: number }[] };
  rows: () => AnyRow[];
} {
  const sums = new Map<string, AnyRow & { id: number; total_micro: bigint; count: bigint }>();
  // A recurring payment's meter takes no payouts; meters without kinds take all that is here.
  const taken = Object.entries(declarations).filter(([, { kinds }]) => kinds === undefined);
  return {
    add: (subject, amountMicro, atMs) => {
      const ids: number[] = [];
      const inside: { meter: string; meter_id: number }[] = [];
      for (const [meter, declaration] of taken) {
        const group = declaration.by.map((dimension) => `${subject[dimension] ?? '-'}\u001f`).join('');
        const rolls = isRollingWindow(declaration);
        const sum = rowOf(meter, group, rolls ? ROLLING : windowStart(declaration.window, atMs));
        ids.push(sum.id);
        // The time of its newest payment, also where that has left the window.
        sum.last_at = atMs;
        if (rolls && atMs < windowStart(declaration.window, endMs)) continue;
        if (rolls) inside.push({ meter, meter_id: sum.id });
        sum.total_micro += amountMicro;
        sum.count += 1n;
      }
      return { ids, inside };
    },
    rows: () => [...sums.values()],
  };

  function rowOf(
    meter: string,
    grp: string,
    start: number,
  ): AnyRow & { id: number; total_micro: bigint; count: bigint } {
    const key = `${meter} ${grp} ${start}`;
    const known = sums.get(key);
    if (known) return known;
    const about = { id: sums.size + 1, meter, grp, window_start: start };
    const row = { ...about, total_micro: 0n, count: 0n, last_at: null };
    sums.set(key, row);
    return row;
  }
}
