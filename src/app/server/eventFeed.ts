import { eventHead } from '../../books/ledger/queries.ts';
import { log } from '../../core/log/log.ts';
import type { Store } from '../../store/store.ts';

/** One small read, so that a payment that another server has decided goes on here soon. */
const EVERY_MS = 200;

export type EventFeed = {
  /** Look now: somebody knows of new events. */
  look(): void;
  stop(): Promise<void>;
};

/**
 * Tells when the event log has new events, from whichever server. It polls the head of the log; `listen`: whatever else knows of new
 * events (PostgreSQL's LISTEN) and returns how to end it.
 */
export function startEventFeed(options: {
  store: Pick<Store, 'read'>;
  onMove: (head: number) => Promise<void>;
  listen?: (look: () => void) => () => void;
}): EventFeed {
  const { store, onMove } = options;
  let seen: number | null = null;
  let looking: Promise<void> | null = null;
  const lookOnce = async (): Promise<void> => {
    try {
      const head = Number((await store.read((tx) => tx.get(eventHead)))?.seq ?? 0);
      if (seen !== null && head !== seen) await onMove(head);
      seen = head;
    } catch (error) {
      log.debug({ err: error }, 'the head of the event log could not be read');
    }
  };
  const look = (): void => {
    looking ??= lookOnce().finally(() => {
      looking = null;
    });
  };
  const timer = setInterval(look, EVERY_MS);
  timer.unref();
  const end = options.listen?.(look);
  return {
    look,
    async stop() {
      clearInterval(timer);
      end?.();
      await looking;
    },
  };
}
