import { toPayment } from '../../decide/payments/records.ts';
import { transition } from '../../decide/payments/transition.ts';
import type { LedStore } from '../../store/leases/leadership.ts';
import { neverSigned } from './queries.ts';

/** Counted from the last change (the decision, or the approval): the signature must be fetched by then. */
const UNSIGNED_MS = 3_600_000;
const PER_TICK = 200;

/**
 * Ends authorized purchases whose signature was not fetched: nothing was signed, so no money can move, and the hold is released. A
 * top-up under way still arrives in the purse. Returns the number.
 */
export async function cancelUnsigned(store: LedStore, clock: () => number): Promise<number> {
  const before = clock() - UNSIGNED_MS;
  if ((await store.read((tx) => tx.get(neverSigned, { before, limit: 1 }))) === undefined) return 0;
  return store.write(async (tx) => {
    const rows = await tx.all(neverSigned, { before, limit: PER_TICK });
    for (const row of rows) {
      const context = { actor: 'bursar', atMs: clock(), data: { reason: 'never_signed' } };
      await transition(tx, toPayment(row), 'cancel', context);
    }
    return rows.length;
  });
}
