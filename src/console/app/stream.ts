import { ask, Problem } from './api.ts';

export type Connection = 'connecting' | 'live' | 'reconnecting';
export type Listener = {
  /** An event of the log, by its type. */
  onEvent(type: string): void;
  onConnection(connection: Connection): void;
};
type Said =
  | { kind: 'event'; type: string; seq: number }
  | { kind: 'connection'; connection: Connection }
  | { kind: 'who' };

const NAME = 'bursar-events';
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 8_000;

/**
 * The event log as server-sent events, once for all tabs: over HTTP/1.1 a browser has six connections to a host, and a stream in
 * each tab would use them up. The tab with the lock has the stream and informs the others; when it closes, another continues from
 * its last event. Returns a function that ends it.
 */
export function listen(types: readonly string[], { onEvent, onConnection }: Listener): () => void {
  const ending = new AbortController();
  const channel = new BroadcastChannel(NAME);
  let after: number | null = null;
  let connection: Connection = 'connecting';
  let leads = false;

  const hear = (said: Said): void => {
    if (said.kind === 'event') {
      after = said.seq;
      onEvent(said.type);
    } else if (said.kind === 'connection') {
      connection = said.connection;
      onConnection(connection);
    } else if (leads) channel.postMessage({ kind: 'connection', connection } satisfies Said);
  };
  const tell = (said: Said): void => {
    if (ending.signal.aborted) return;
    hear(said);
    channel.postMessage(said);
  };
  channel.onmessage = ({ data }: MessageEvent<Said>) => hear(data);

  async function lead(): Promise<void> {
    leads = true;
    let waitMs = FIRST_WAIT_MS;
    while (!ending.signal.aborted) {
      try {
        // Also tells whether the session is still valid: the stream itself does not say why it ends.
        const { head } = await ask<{ head: { seq: number } | null }>('/v1/events?after=999999999&limit=1');
        after ??= head?.seq ?? 0;
        await follow(after, () => {
          waitMs = FIRST_WAIT_MS;
        });
      } catch (error) {
        if (error instanceof Problem && error.status === 401) return;
      }
      tell({ kind: 'connection', connection: 'reconnecting' });
      await pause(waitMs, ending.signal);
      waitMs = Math.min(2 * waitMs, LONGEST_WAIT_MS);
    }
  }

  /** Until the stream breaks or ends. */
  function follow(from: number, opened: () => void): Promise<void> {
    return new Promise((resolve) => {
      const source = new EventSource(`/v1/events/stream?after=${from}`);
      const end = (): void => {
        source.close();
        resolve();
      };
      ending.signal.addEventListener('abort', end, { once: true });
      source.onopen = () => {
        opened();
        tell({ kind: 'connection', connection: 'live' });
      };
      source.onerror = end;
      for (const type of types) {
        source.addEventListener(type, ({ lastEventId }) => tell({ kind: 'event', type, seq: Number(lastEventId) }));
      }
    });
  }

  // Locks exist only on trusted pages (https, or this machine), where people may sign in too.
  if (navigator.locks) {
    navigator.locks.request(NAME, { signal: ending.signal }, lead).catch(() => {});
    channel.postMessage({ kind: 'who' } satisfies Said);
  } else void lead();
  return () => {
    ending.abort();
    channel.close();
  };
}

/** The browser reports that the network is back: reconnect at once. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(go, ms);
    function go(): void {
      clearTimeout(timer);
      removeEventListener('online', go);
      signal.removeEventListener('abort', go);
      resolve();
    }
    addEventListener('online', go);
    signal.addEventListener('abort', go);
  });
}
