import { appendEvent } from '../../books/ledger/events.ts';
import { rateLimit } from '../../core/limits/rateLimit.ts';
import type { Store } from '../../store/store.ts';

export type Refusal = {
  type: 'session.refused' | 'credential.refused';
  /** The facts of the refusal: never a key, a signature, a code or a token. */
  data: Record<string, unknown>;
};
/** Records a refusal as an event. Never throws: the refusal itself stays in force. */
export type NoteRefusal = (refusal: Refusal) => Promise<void>;

/** Anyone can cause refusals without limit, and events are kept for ever: at most one a second, in a bucket of sixty. */
const KEPT = { perSecond: 1, burst: 60 };

/** `unnoted` in an event: the number of refusals before it that were not recorded. */
export function refusalLog(store: Store, clock: () => number): NoteRefusal {
  const kept = rateLimit(KEPT);
  let unnoted = 0;
  return async ({ type, data }) => {
    const atMs = clock();
    if (kept.take('all', atMs) > 0) {
      unnoted += 1;
      return;
    }
    const told = unnoted > 0 ? { ...data, unnoted } : data;
    unnoted = 0;
    try {
      await store.write((tx) => appendEvent(tx, { type, actor: 'bursar', data: told }, atMs));
    } catch {
      // A full or broken disk is reported elsewhere.
    }
  };
}
