import { eventHead, newestEntry } from '../src/books/ledger/queries.ts';
import { openBooks } from '../src/books/ledger/rowSeals.ts';
import { loadPolicy } from '../src/decide/policy/loadPolicy.ts';
import type { Locks, Store, Tx } from '../src/store/store.ts';
import { CALLERS, runCallers } from './callers.ts';
import { START_MS, type World, wideStarterBundle } from './world.ts';

/** What the bench asks of one server process. `from`: the number of its first payment, its own in each round. */
export type Round = {
  url: string;
  /** What a payment's text needs of the world: ids of agents, names of payees. */
  world: World;
  from: number;
  payments: number;
  /** `single`: each payment is a transaction of its own. `unchained`: events have no order over servers. */
  mode: 'groups' | 'single' | 'unchained';
};
export type Ran = {
  perSecond: number;
  cpuUs: number;
  /** The share of a group's transaction in which the end of the event log is locked. */
  lockedShare: number;
};

/** A process of its own (`fork`): one server's gate on PostgreSQL. */
process.on('message', (round: Round) => {
  run(round).then(
    (ran) => process.send?.(ran),
    (error: unknown) => {
      process.stderr.write(`${String(error)}\n`);
      process.exit(1);
    },
  );
});

async function run({ url, world, from, payments, mode }: Round): Promise<Ran> {
  const policy = await loadPolicy(await wideStarterBundle());
  const connections = await Promise.all(Array.from({ length: mode === 'single' ? 8 : 1 }, () => openBooks(url)));
  const locked = { ms: 0, of: 0 };
  const stores = connections.map((store) => measured(mode === 'unchained' ? unchained(store, from) : store, locked));
  const load = (store: Store, share: number, first: number, callers: number) =>
    runCallers({ store, policy, world, from: first, payments: share, callers, clock: (n) => START_MS + n });
  const callers = mode === 'single' ? 1 : CALLERS;
  const each = Math.floor(payments / stores.length);
  const all = (first: number): Promise<number[]> =>
    Promise.all(stores.map((store, index) => load(store, each, first + index * each, callers)));
  // The first payments warm up compilers and plans, and begin the meters' windows.
  await all(from);
  [locked.ms, locked.of] = [0, 0];
  const cpu = process.cpuUsage();
  const startedAt = performance.now();
  await all(from + payments);
  const ms = performance.now() - startedAt;
  const { user, system } = process.cpuUsage(cpu);
  await Promise.all(connections.map((store) => store.close()));
  const count = each * stores.length;
  return { perSecond: (count / ms) * 1_000, cpuUs: (user + system) / count, lockedShare: locked.ms / locked.of };
}

/** Adds up how long groups take, and how long of that they hold the end of the log. */
function measured(store: Store, sum: { ms: number; of: number }): Store {
  return {
    ...store,
    writeBeside: async (job) => {
      const startedAt = performance.now();
      let lockedAt = startedAt;
      const result = await store.writeBeside((tx) =>
        job(
          withWhole(tx, async (name, lock) => {
            await lock();
            if (name === 'events') lockedAt = performance.now();
          }),
        ),
      );
      sum.ms += performance.now() - lockedAt;
      sum.of += performance.now() - startedAt;
      return result;
    },
  };
}

/** Events and entries numbered by each server for itself: nothing of the log is locked or read. */
function unchained(store: Store, from: number): Store {
  let next = BigInt(from + 1) * 1_000_000n;
  return {
    ...store,
    writeBeside: (job) =>
      store.writeBeside((tx) => {
        const own = withWhole(tx, async (name, lock) => {
          if (name !== 'events') await lock();
        });
        next += 10_000n;
        const get = async (...given: [statement: unknown, ...unknown[]]): Promise<unknown> => {
          if (given[0] === eventHead) return { seq: next, hash: '' };
          return given[0] === newestEntry
            ? { id: next }
            : await (tx.get as (...all: unknown[]) => Promise<unknown>)(...given);
        };
        return job({ ...own, get: get as Tx['get'] });
      }),
  };
}

type Whole = Parameters<Locks['whole']>[0];

/** The transaction with another way to lock a whole. */
function withWhole(tx: Tx, whole: (name: Whole, lock: () => Promise<void>) => Promise<void>): Tx {
  const { locks } = tx;
  if (!locks) return tx;
  return { ...tx, locks: { ...locks, whole: (name) => whole(name, () => locks.whole(name)) } };
}
