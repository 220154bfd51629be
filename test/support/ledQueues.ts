import type { LedQueue } from '../../src/chain/relayer/relayer.ts';
import { asLeader } from '../../src/store/leases/testing/asLeader.ts';
import type { Store } from '../../src/store/store.ts';

/** The sender queues of these roles, all led by this server. */
export function ledQueues(store: Store, ...roles: string[]): () => LedQueue[] {
  const queues = roles.map((role) => ({ role, store: asLeader(store, `send:${role}`) }));
  return () => queues;
}
