import { toPayment } from '../../decide/payments/records.ts';
import { transition } from '../../decide/payments/transition.ts';
import type { LedStore } from '../../store/leases/leadership.ts';
import type { ReadTx } from '../../store/store.ts';
import { timeIn } from '../../store/time.ts';
import { neverSigned } from './queries.ts';

/** Counted from the last change (the decision, or the approval): the signature must be fetched by then. */
const UNSIGNED_MS = 3_600_000;
const PER_TICK = 200;

/**
 * Ends authorized purchases whose signature was not fetched: nothing was signed, so no money can move, and the hold is released. A
 * top-up under way still arrives in the purse. Returns the number.
 */
export async function cancelUnsigned(store: LedStore, clock: () => number): Promise<number> {
  const due = (tx: ReadTx, atMs: number, limit: number) => tx.all(neverSigned, { before: atMs - UNSIGNED_MS, limit });
  if ((await store.read(async (tx) => due(tx, await timeIn(tx, clock()), 1))).length === 0) return 0;
  return store.write(async (tx) => {
    const atMs = await timeIn(tx, clock());
    const rows = await due(tx, atMs, PER_TICK);
    for (const row of rows) {
      await transition(tx, toPayment(row), 'cancel', { actor: 'bursar', atMs, data: { reason: 'never_signed' } });
    }
    return rows.length;
  });
}
