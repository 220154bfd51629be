import { query } from '../../src/store/statement.ts';
import type { Store } from '../../src/store/store.ts';

/** Gives payees a name that the operations would refuse. */
export const renamePayees = (store: Store, pattern: string, to: string): Promise<number> =>
  store.write((tx) => tx.run(query((db) => db.updateTable('payees').set({ name: to }).where('name', 'like', pattern))));
