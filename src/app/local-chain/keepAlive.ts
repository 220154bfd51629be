import { setTimeout as pause } from 'node:timers/promises';
import type { Anvil } from './anvil.ts';

/** A node that ends this often within a minute has a fault that a restart does not fix. */
const STARTS_MAX = 5;
const WITHIN_MS = 60_000;
const WAIT_MS = 200;

export type Restarting = {
  /** Starts it on that port, with its saved state, and prepares it for use. */
  start: (port: number) => Promise<Anvil>;
  /** It ended without a call of `stop`. `isLast`: it is not started again. */
  ended?: (isLast: boolean) => void;
};

/** An anvil that is started again on its port when it ends unexpectedly: killed by a person, or out of memory. */
export function keptAlive(first: Anvil, { start, ended = () => {} }: Restarting): Anvil {
  const { url, port, chainId } = first;
  let current = first;
  let isStopping = false;
  let starts: number[] = [];
  let starting: Promise<void> | null = null;

  function watch(anvil: Anvil): void {
    void anvil.exited.then(() => {
      if (!isStopping) starting = restart();
    });
  }

  async function restart(): Promise<void> {
    for (;;) {
      const now = performance.now();
      starts = [...starts.filter((at) => now - at < WITHIN_MS), now];
      const isLast = starts.length > STARTS_MAX;
      ended(isLast);
      if (isLast || isStopping) return;
      try {
        current = await start(port);
        watch(current);
        return;
      } catch {
        // Its port may not be free yet.
        await pause(WAIT_MS);
      }
    }
  }
  watch(first);

  return {
    url,
    port,
    chainId,
    get pid() {
      return current.pid;
    },
    exited: first.exited,
    status: () => current.status(),
    stop: async () => {
      isStopping = true;
      await starting;
      await current.stop();
    },
  };
}
