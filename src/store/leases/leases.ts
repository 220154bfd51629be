import { setTimeout as pause } from 'node:timers/promises';
import { BursarError } from '../../core/errors/base.ts';
import type { RowIn } from '../schema/schema.ts';
import type { Store, Tx } from '../store.ts';
import { timeIn } from '../time.ts';
import { Leadership } from './leadership.ts';
import { LEASE_MS, type Lease, planRound, RENEW_MS } from './plan.ts';
import { everyLease, freeAllLeases, freeLeasesOf, putLease } from './queries.ts';

export type LeasesOptions = {
  store: Store;
  /** This process; another one, also on the same machine, has another id. */
  holder: string;
  names: readonly string[];
  /** Leases with the same answer are spread evenly over the servers. Default: none is. */
  spread?: (name: string) => string | null;
  /** Epoch ms: what a lease is measured by on SQLite. Default `Date.now`. */
  clock?: () => number;
  /** Monotonic ms: after `LEASE_MS` without a renewal this server knows by itself that it may have lost its leases. */
  monotonic?: () => number;
  /** This server has begun or ended to lead. */
  onChange?: (change: { name: string; leads: boolean }) => void;
  onError?: (error: unknown) => void;
};

/** Which tasks this server does of those that only one server may do at a time. */
export interface Leases {
  /** The current term by what this server knows; null: it does not lead. Each transaction asks whether the term counts. */
  lead(name: string): Leadership | null;
  /** Renews, gives up, takes and claims, in one transaction. Serial. */
  round(): Promise<void>;
  /** Rounds every two seconds. */
  start(): void;
  /**
   * For an act on this server: claims the lease, waits for it, and keeps it until the act has ended. Throws `lease_lost` if its holder
   * does not give it up.
   */
  during<T>(name: string, act: (lead: Leadership) => Promise<T>): Promise<T>;
  /** Ends the rounds and frees all leases, so that another server takes them in its next round. */
  stop(): Promise<void>;
}

/** Longer than a dead holder's lease and the round that takes it. */
const TAKE_MS = 12_000;
const TAKE_EVERY_MS = 200;

type Held = { lead: Leadership; untilMs: number };

export function createLeases(options: LeasesOptions): Leases {
  const { store, holder, names } = options;
  const clock = options.clock ?? Date.now;
  const monotonic = options.monotonic ?? (() => performance.now());
  const spread = options.spread ?? (() => null);
  const urgent = new Map<string, number>();
  let held = new Map<string, Held>();
  let turn: Promise<unknown> = Promise.resolve();
  let ending: AbortController | null = null;
  let looping: Promise<void> = Promise.resolve();
  let stopped = false;

  async function once(): Promise<void> {
    if (stopped) return;
    const beganMs = monotonic();
    const wanted = { names, spread, urgent: new Set(urgent.keys()) };
    const mine = await store.write((tx) => roundIn(tx, holder, wanted, clock()));
    learn(new Map(mine.map(({ name, fence }) => [name, fence])), beganMs + LEASE_MS);
  }

  function learn(fences: ReadonlyMap<string, bigint>, untilMs: number): void {
    const before = held;
    held = new Map(
      [...fences].map(([name, fence]) => {
        const known = before.get(name)?.lead;
        return [name, { lead: known?.fence === fence ? known : new Leadership(name, holder, fence), untilMs }];
      }),
    );
    for (const [name, { lead }] of before) {
      if (held.get(name)?.lead !== lead) options.onChange?.({ name, leads: false });
    }
    for (const [name, { lead }] of held) {
      if (before.get(name)?.lead !== lead) options.onChange?.({ name, leads: true });
    }
  }

  function round(): Promise<void> {
    const mine = turn.then(once);
    turn = mine.catch(() => undefined);
    return mine;
  }

  function lead(name: string): Leadership | null {
    const known = held.get(name);
    return known && !stopped && monotonic() < known.untilMs ? known.lead : null;
  }

  async function taken(name: string): Promise<Leadership> {
    const untilMs = monotonic() + TAKE_MS;
    for (let mine = lead(name); ; mine = lead(name)) {
      if (mine) return mine;
      if (stopped || monotonic() > untilMs) throw new BursarError('lease_lost', { details: { lease: name } });
      await round();
      if (lead(name) === null) await pause(TAKE_EVERY_MS);
    }
  }

  async function loop({ signal }: AbortController): Promise<void> {
    while (!signal.aborted) {
      await round().catch((error: unknown) => options.onError?.(error));
      await pause(RENEW_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  return {
    lead,
    round,
    start() {
      if (ending || stopped) return;
      ending = new AbortController();
      looping = loop(ending);
    },
    async during(name, act) {
      urgent.set(name, (urgent.get(name) ?? 0) + 1);
      try {
        return await act(await taken(name));
      } finally {
        const left = (urgent.get(name) ?? 1) - 1;
        if (left > 0) urgent.set(name, left);
        else urgent.delete(name);
      }
    },
    async stop() {
      if (stopped) return;
      stopped = true;
      ending?.abort();
      await looping;
      await turn;
      learn(new Map(), 0);
      await store.write((tx) => tx.run(freeLeasesOf, { holder }));
    },
  };
}

/** The rows that the server holds after its round. */
async function roundIn(
  tx: Tx,
  holder: string,
  wanted: Parameters<typeof planRound>[2],
  serverMs: number,
): Promise<Lease[]> {
  const nowMs = await timeIn(tx, serverMs);
  const rows = new Map((await tx.all(everyLease)).map((row) => [row.name, leaseOf(row)]));
  for (const lease of planRound(rows, holder, wanted, nowMs)) {
    rows.set(lease.name, lease);
    await tx.run(putLease, {
      name: lease.name,
      holder: lease.holder,
      fence: lease.fence,
      expires: BigInt(lease.expiresAtMs),
      claimedBy: lease.claimedBy,
      claimed: lease.claimedAtMs === null ? null : BigInt(lease.claimedAtMs),
    });
  }
  return [...rows.values()].filter((lease) => lease.holder === holder);
}

const leaseOf = (row: RowIn<'leases'>): Lease => ({
  name: row.name,
  holder: row.holder,
  fence: row.fence,
  expiresAtMs: Number(row.expires_at),
  claimedBy: row.claimed_by,
  claimedAtMs: row.claimed_at === null ? null : Number(row.claimed_at),
});

/** For the only opener of a database file: its lock proves that no earlier holder lives. */
export const freeEveryLease = (tx: Tx): Promise<number> => tx.run(freeAllLeases);
