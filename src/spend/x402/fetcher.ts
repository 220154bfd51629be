import { BursarError } from '../../core/errors/base.ts';
import { type Guard, type GuardedAnswer, type GuardedRequest, guardedRequest } from '../../core/net/guardedRequest.ts';
import { putSetting, settingOf } from '../../store/settings.ts';
import type { ReadTx, Store, Tx } from '../../store/store.ts';
import { type FetchedAnswer, guardedFetch } from './guardedFetch.ts';
import type { ReportOutcome } from './outcome.ts';

const SETTING = 'fetch.hosts';
const TIMEOUT_MS = 30_000;
const MAX_AT_ONCE = 64;
/** The limit of one agent, which may name hosts that never answer. */
const MAX_OF_ONE = 16;
/** Kept for callers whose connection broke and who ask again; the number of answers, of up to 1 MiB each. */
const REMEMBERED_MS = 600_000;
const REMEMBERED = 64;

/** Hosts ("name" or "name:port") that may be fetched from although they are private. */
export async function listedHosts(tx: ReadTx): Promise<string[]> {
  return JSON.parse((await settingOf(tx, SETTING)) ?? '[]') as string[];
}

export async function listHosts(tx: Tx, hosts: readonly string[]): Promise<void> {
  await putSetting(tx, SETTING, JSON.stringify([...new Set(hosts)].sort()));
}

/** The result of a paid request. `answer` is null if there was none. */
export type Presented = { answer: GuardedAnswer | null; outcome: ReportOutcome };
export type Fetcher = {
  /** Follows redirects. Throws `fetch_refused` or `fetch_failed`. */
  fetch(agentId: string, url: URL, request: GuardedRequest, maxBytes: number): Promise<FetchedAnswer>;
  /** Follows no redirects. */
  once(agentId: string, url: URL, request: GuardedRequest, maxBytes: number): Promise<GuardedAnswer>;
  /** Runs a paid request once at a time per payment; calls during it, or soon after it was served, get the same answer. */
  present(paymentId: string, run: () => Promise<Presented>): Promise<Presented>;
};

/** HTTP requests on behalf of agents, through the guard. */
export function createFetcher(store: Store, resolve?: Guard['resolve']): Fetcher {
  let running = 0;
  const ofAgent = new Map<string, number>();
  const remembered = new Map<string, { presented: Promise<Presented>; untilMs: number }>();
  const guard: Guard = {
    isListed: async (host) => (await store.read(listedHosts)).includes(host),
    ...(resolve ? { resolve } : {}),
  };

  async function bounded<T>(agentId: string, run: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const own = ofAgent.get(agentId) ?? 0;
    if (running >= MAX_AT_ONCE || own >= MAX_OF_ONE) {
      throw new BursarError('fetch_failed', { message: 'Too many fetches run at once.' });
    }
    running += 1;
    ofAgent.set(agentId, own + 1);
    try {
      return await run(AbortSignal.timeout(TIMEOUT_MS));
    } finally {
      running -= 1;
      const left = (ofAgent.get(agentId) ?? 1) - 1;
      if (left > 0) ofAgent.set(agentId, left);
      else ofAgent.delete(agentId);
    }
  }

  return {
    fetch: (agentId, url, request, maxBytes) =>
      bounded(agentId, (signal) => guardedFetch(url, request, { maxBytes, signal }, guard)),
    once: (agentId, url, request, maxBytes) =>
      bounded(agentId, (signal) => guardedRequest(url, request, { maxBytes, signal }, guard)),
    present(paymentId, run) {
      const now = performance.now();
      for (const [id, { untilMs }] of remembered) if (untilMs <= now) remembered.delete(id);
      const before = remembered.get(paymentId);
      if (before) return before.presented;
      const presented = run();
      remembered.set(paymentId, { presented, untilMs: now + REMEMBERED_MS });
      const forget = (): void => {
        remembered.delete(paymentId);
      };
      presented.then(({ outcome }) => outcome === 'served' || forget(), forget);
      const [oldest] = remembered.keys();
      if (remembered.size > REMEMBERED && oldest !== undefined) remembered.delete(oldest);
      return presented;
    },
  };
}
