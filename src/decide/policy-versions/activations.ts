import type { Act } from '../../books/ledger/audit.ts';
import { appendEvent } from '../../books/ledger/events.ts';
import type { MeterDeclarations } from '../../books/meters/declarations.ts';
import { BursarError } from '../../core/errors/base.ts';
import type { ReadTx, Store } from '../../store/store.ts';
import { recountMeters } from '../payments/recountMeters.ts';
import type { GateContext, Shadow } from '../payments/rules.ts';
import type { Stage } from '../payments/stage.ts';
import { finishStage, isLongHistory } from '../payments/stageMeters.ts';
import { metersUnlike } from '../policy/candidate.ts';
import { loadPolicy } from '../policy/loadPolicy.ts';
import type { Policy } from '../policy/policy.ts';
import {
  addActivation,
  addBundle,
  bundleOf,
  newestActivation,
  newestActivationBut,
  policyVersions,
} from './queries.ts';
import { openShadows, type Shadows } from './shadows.ts';
import { createStaging, type StagingOptions } from './staging.ts';

/** The organisation's PolicyRegistry on chain, if wallets are pinned to one. */
export interface RegistryPort {
  /** Makes the digest active on chain if it is not; resolves when the chain says so. */
  ensureActive(digest: string, only: boolean): Promise<void>;
  /**
   * Does one activation, on chain and here, while no other one is made on any server: otherwise the two could come in another order here
   * than on chain. Absent: nothing else activates.
   */
  during?<T>(act: (port: RegistryPort) => Promise<T>): Promise<T>;
}

export type PolicyVersion = {
  digest: string;
  note: string;
  loadedAtMs: number;
  active: boolean;
  /** Asked next to the active one, and decides nothing. */
  shadow: boolean;
  /** When it was last activated, epoch ms. */
  activatedAtMs: number | null;
};
export type Activation = { digest: string; kind: 'activate' | 'rollback'; actor: string; activatedAtMs: number };

type InForce = Pick<GateContext, 'policy' | 'shadow'>;

/** Which policy decides. Versions are kept by digest for ever; the newest activation counts. */
export interface Activations {
  /** Throws `policy_unavailable` when none was ever activated: then nothing is allowed. */
  active(): Policy;
  /** The same, or null. */
  current(): Policy | null;
  /** Proves a bundle and keeps it. The same bundle twice is one version. */
  load(bundleText: string, note: string, act: Act): Promise<Policy>;
  /**
   * First on chain, then here, between two requests: those before decide by the old one, those after by the new one. `only`: every
   * other policy ends on chain in the same act.
   */
  activate(digest: string, kind: Activation['kind'], act: Act, only?: boolean): Promise<Policy>;
  /** Activates the version that was active before this one. `to`: which one is meant; another is `conflict`. */
  rollback(act: Act, to?: string): Promise<Policy>;
  /** The candidate that the gate asks as well, or null. */
  shadow(): Shadow | null;
  /** Both, by what this server knows. Throws as `active` does. */
  inForce(): InForce;
  /**
   * Both, for a transaction that decides by them: `policy_behind` if another server has activated a policy that this one has not loaded.
   * Throws as `active` does.
   */
  rulesIn(tx: ReadTx): Promise<InForce>;
  /** The meters of the active policy, for a transaction; none without a policy. Throws `policy_behind`. */
  metersIn(tx: ReadTx): Promise<MeterDeclarations>;
  /** Loads what another server has activated, or begun or ended as a candidate. */
  sync(): Promise<void>;
  /** Does the act again, after `sync`, while it throws `policy_behind`: what threw it has written nothing. */
  upToDate<T>(act: () => Promise<T>): Promise<T>;
  /** Throws as `Shadows.start` does, and `policy_not_found`. */
  startShadow(digest: string, act: Act): Promise<void>;
  endShadow(act: Act): Promise<boolean>;
  list(): Promise<PolicyVersion[]>;
  bundle(digest: string): Promise<string>;
}

/** More than that many activations on other servers while one act waits do not happen. */
const SYNCS_MAX = 8;

/** Opens with the policy of the newest activation. A stored bundle that is not what its digest says is `database_damaged`. */
export async function openActivations(
  store: Store,
  registry: RegistryPort | null,
  clock: () => number,
  options: StagingOptions = {},
): Promise<Activations> {
  const newest = await store.read((tx) => tx.get(newestActivation));
  // What decides the next request: from the activation's own job on, so that what shares its commit is counted as it recounted.
  let current: Policy | null = newest ? await loadStored(store, newest.digest) : null;
  let committed = current;
  /** Counts what this server itself has changed: a sync that began before must not undo it. */
  let changes = 0;
  let syncing: Promise<void> | null = null;
  const staging = createStaging(store, clock, options, (stored) => shadows?.counts(stored) ?? false);
  let shadows: Shadows | null = null;
  shadows = await openShadows(store, {
    load: (digest) => loadStored(store, digest),
    clock,
    staging,
    active: () => current,
  });
  const isStaged = async (policy: Policy): Promise<boolean> =>
    current !== null &&
    metersUnlike(policy.meters, current.meters).length > 0 &&
    (await store.read((tx) => isLongHistory(tx, options.short)));

  /** One short job. `staged`: meters that were counted while the old policy decided. */
  async function change(
    { policy, kind, note }: { policy: Policy; kind: Activation['kind']; note: Record<string, unknown> },
    act: Act,
    staged: Stage | null,
  ): Promise<Policy> {
    const written = store.write(async (tx) => {
      await requireCurrent(tx);
      const from = current?.digest ?? null;
      await tx.run(addActivation, { digest: policy.digest, kind, by: act.actor, at: act.atMs });
      const type = kind === 'activate' ? 'policy.activated' : 'policy.rolled_back';
      // Nobody has counted by these so far: they begin with what was spent in their windows already.
      const unlike = new Set(metersUnlike(policy.meters, current?.meters ?? {}));
      const fresh = Object.fromEntries(
        Object.entries(policy.meters).filter(([name]) => unlike.has(name) && !staged?.generations.has(name)),
      );
      if (staged) await finishStage(tx, staged);
      const payments = (await recountMeters(tx, fresh, act.atMs)) + (staged?.counted ?? 0);
      const data = {
        from,
        ...note,
        ...(current && unlike.size > 0 ? { meters_recounted: [...unlike], payments } : {}),
      };
      await appendEvent(tx, { type, actor: act.actor, policyDigest: policy.digest, data }, act.atMs);
      await shadows?.onActivation(tx, policy, act);
      tx.afterCommit(() => {
        committed = policy;
      });
      current = policy;
      changes += 1;
    });
    await written.catch((error) => {
      current = committed;
      throw error;
    });
    return policy;
  }

  async function requireCurrent(tx: ReadTx): Promise<void> {
    const active = await tx.get(newestActivation);
    if (active !== undefined && active.digest !== current?.digest) throw new BursarError('policy_behind');
  }

  async function syncOnce(): Promise<void> {
    const before = changes;
    const active = await store.read((tx) => tx.get(newestActivation));
    if (active && active.digest !== current?.digest) {
      const policy = await loadStored(store, active.digest);
      if (changes === before) {
        current = policy;
        committed = policy;
      }
    }
    await shadows?.sync();
  }

  function sync(): Promise<void> {
    syncing ??= syncOnce().finally(() => {
      syncing = null;
    });
    return syncing;
  }

  async function upToDate<T>(act: () => Promise<T>): Promise<T> {
    for (let tries = 1; ; tries += 1) {
      try {
        return await act();
      } catch (error) {
        if (!(error instanceof BursarError) || error.code !== 'policy_behind' || tries === SYNCS_MAX) throw error;
        await sync();
      }
    }
  }

  const activations: Activations = {
    active() {
      if (!current) throw new BursarError('policy_unavailable');
      return current;
    },
    current: () => current,
    async load(bundleText, note, act) {
      const policy = await loadPolicy(bundleText);
      await store.write(async (tx) => {
        const added = await tx.run(addBundle, { digest: policy.digest, bundle: bundleText, note, at: act.atMs });
        if (added === 0) return;
        await appendEvent(
          tx,
          { type: 'policy.loaded', actor: act.actor, policyDigest: policy.digest, data: { note } },
          act.atMs,
        );
      });
      return policy;
    },
    async activate(digest, kind, act, only = false) {
      const policy = await loadStored(store, digest);
      const note = only ? { only } : {};
      const inTurn = async (port: RegistryPort | null): Promise<Policy> => {
        await port?.ensureActive(digest, only);
        return upToDate(async () => {
          if (await isStaged(policy)) {
            return staging.activation({
              meters: policy.meters,
              current: () => current,
              change: (staged) => change({ policy, kind, note }, act, staged),
            });
          }
          return await change({ policy, kind, note }, act, null);
        });
      };
      return registry?.during ? registry.during(inTurn) : inTurn(registry);
    },
    async rollback(act, to) {
      await sync();
      const digest = activations.active().digest;
      const before = await store.read((tx) => tx.get(newestActivationBut, { digest }));
      if (!before)
        throw new BursarError('policy_not_found', { message: 'No other policy was active before this one.' });
      if (to !== undefined && to !== before.digest) {
        const message = 'Somebody else has changed the active policy meanwhile.';
        throw new BursarError('conflict', { message, details: { to: before.digest } });
      }
      return activations.activate(before.digest, 'rollback', act);
    },
    shadow: shadows.current,
    inForce: () => ({ policy: activations.active(), shadow: shadows.current() }),
    rulesIn: async (tx) => {
      await requireCurrent(tx);
      return activations.inForce();
    },
    metersIn: async (tx) => {
      await requireCurrent(tx);
      return current?.meters ?? {};
    },
    sync,
    upToDate,
    startShadow: async (digest, act) => {
      await sync();
      const candidate = await loadStored(store, digest);
      await shadows.start(candidate, activations.active(), act);
    },
    endShadow: shadows.end,
    list: () =>
      store.read(async (tx) => {
        const active = await tx.get(newestActivation);
        return (await tx.all(policyVersions)).map((row) => ({
          digest: row.digest,
          note: row.note,
          loadedAtMs: Number(row.loaded_at),
          active: row.digest === active?.digest,
          shadow: row.shadow === 1n,
          activatedAtMs: row.activated_at === null ? null : Number(row.activated_at),
        }));
      }),
    bundle: (digest) => storedBundle(store, digest),
  };
  return activations;
}

async function storedBundle(store: Store, digest: string): Promise<string> {
  const row = await store.read((tx) => tx.get(bundleOf, { digest }));
  if (!row) throw new BursarError('policy_not_found', { details: { digest } });
  return row.bundle;
}

/** What was stored was whole: a bundle that is not what its digest says is a damaged or changed database, not a bad bundle. */
async function loadStored(store: Store, digest: string): Promise<Policy> {
  const damaged = (cause?: unknown): BursarError =>
    new BursarError('database_damaged', {
      message: `The database is damaged or was changed: the stored policy ${digest} is not what its digest says.`,
      details: { digest },
      cause,
    });
  const bundle = await storedBundle(store, digest);
  try {
    const policy = await loadPolicy(bundle);
    if (policy.digest === digest) return policy;
  } catch (error) {
    if (!(error instanceof BursarError) || error.code !== 'policy_corrupt') throw error;
    throw damaged(error);
  }
  throw damaged();
}
