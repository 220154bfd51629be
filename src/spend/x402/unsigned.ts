import { toPayment } from '../../decide/payments/records.ts';
import { transition } from '../../decide/payments/transition.ts';
import type { Store } from '../../store/store.ts';
import { neverSigned } from './queries.ts';

/** From the last change (the decision, people's approval): who wants the signature asks for it by then. */
const UNSIGNED_MS = 3_600_000;
const PER_TICK = 200;

/**
 * Ends purchases that were authorized and for which nobody fetched a signature: nothing was signed, so nothing can move, and the
 * money they hold is free again. A top-up on its way still arrives in the purse. Gives how many.
 */
export async function cancelUnsigned(store: Store, clock: () => number): Promise<number> {
  const before = clock() - UNSIGNED_MS;
  if (store.read((tx) => tx.get(neverSigned, { before, limit: 1 })) === undefined) return 0;
  return store.write((tx) => {
    const rows = tx.all(neverSigned, { before, limit: PER_TICK });
    for (const row of rows) {
      const context = { actor: 'bursar', atMs: clock(), data: { reason: 'never_signed' } };
      transition(tx, toPayment(row), 'cancel', context);
    }
    return rows.length;
  });
}
