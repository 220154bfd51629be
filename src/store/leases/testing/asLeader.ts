import type { Store } from '../../store.ts';
import { Leadership, type LedStore, ledBy } from '../leadership.ts';
import { putLease } from '../queries.ts';

/** The store of a worker that leads in its first term, as on the only server. */
export function asLeader(store: Store, name = 'test'): LedStore {
  const lead = new Leadership(name, 'test', 1n);
  const row = { name, holder: 'test', fence: 1n, expires: 2n ** 52n, claimedBy: null, claimed: null };
  // Before every later write, because writes go one after another.
  store.write((tx) => tx.run(putLease, row)).catch(() => undefined);
  return ledBy(store, lead);
}
