import type { MeterSubject } from '../src/ledger/meters.ts';
import { type MeterDeclaration, type MeterDeclarations, windowStart } from '../src/policy/meters.ts';
import type { Row } from './example.ts';

type Entry = { meter: string; grp: string; window_start: number; amount_micro: bigint; at: number; state: string };

/** Adds up a past as the ledger would have: an entry for each payment and meter, and the meters' own rows at the end. */
export function pastMeters(
  declarations: MeterDeclarations,
  endMs: number,
): {
  add: (subject: MeterSubject, amountMicro: bigint, atMs: number) => Entry[];
  rows: () => Row[];
} {
  const sums = new Map<string, Row & { total_micro: bigint; count: bigint }>();
  // A recurring payment's meter takes no payouts; meters without kinds take all that is here.
  const taken = Object.entries(declarations).filter(([, { kinds }]) => kinds === undefined);
  return {
    add: (subject, amountMicro, atMs) =>
      taken.map(([meter, declaration]) => {
        const cut = isRolling(declaration) ? windowStart(declaration.window, endMs) : null;
        const entry: Entry = {
          meter,
          grp: declaration.by.map((dimension) => `${subject[dimension] ?? '-'}\u001f`).join(''),
          window_start: cut === null ? windowStart(declaration.window, atMs) : 0,
          amount_micro: amountMicro,
          at: atMs,
          state: cut !== null && atMs < cut ? 'left' : 'live',
        };
        if (entry.state === 'live') count(entry);
        return entry;
      }),
    rows: () => [...sums.values()],
  };

  function count({ meter, grp, window_start, amount_micro, at }: Entry): void {
    const key = `${meter} ${grp} ${window_start}`;
    const sum = sums.get(key);
    if (!sum) {
      sums.set(key, { meter, grp, window_start, total_micro: amount_micro, count: 1n, last_at: at, oldest_at: at });
      return;
    }
    sum.total_micro += amount_micro;
    sum.count += 1n;
    sum.last_at = at;
  }
}

const isRolling = ({ window }: MeterDeclaration): boolean => window !== 'lifetime' && 'rolling' in window;
