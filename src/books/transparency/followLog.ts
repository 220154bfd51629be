import type { Store } from '../../store/store.ts';
import { leafHash, RunningTree } from './merkle.ts';
import { eventsAfter } from './queries.ts';

export type FollowedLog = {
  size: number;
  /** The root, in hex, after each of the sizes that were asked for. */
  roots: Map<number, string>;
  /** When the event after each of these sizes happened. */
  at: Map<number, string>;
  firstAt: string | null;
};

const EVENTS_PER_PAGE = 2_000;

/**
 * Builds the tree from the bodies of all events, leaf by leaf, and keeps its root at these sizes. Stored tiles are not used. An event
 * that is missing between others ends the log there. `pause` is awaited between pages.
 */
export async function followLog(
  store: Store,
  sizes: ReadonlySet<number>,
  pause: () => Promise<void>,
): Promise<FollowedLog> {
  const tree = new RunningTree();
  const log: FollowedLog = { size: 0, roots: new Map(), at: new Map(), firstAt: null };
  if (sizes.has(0)) log.roots.set(0, tree.root().toString('hex'));
  for (;;) {
    const page = await store.read((tx) => tx.all(eventsAfter, { seq: tree.size, limit: EVENTS_PER_PAGE }));
    for (const { seq, at, body } of page) {
      if (seq !== BigInt(tree.size + 1)) return { ...log, size: tree.size };
      if (tree.size === 0) log.firstAt = new Date(Number(at)).toISOString();
      if (sizes.has(tree.size)) log.at.set(tree.size + 1, new Date(Number(at)).toISOString());
      tree.add(leafHash(body));
      if (sizes.has(tree.size)) log.roots.set(tree.size, tree.root().toString('hex'));
    }
    if (page.length < EVENTS_PER_PAGE) return { ...log, size: tree.size };
    await pause();
  }
}
