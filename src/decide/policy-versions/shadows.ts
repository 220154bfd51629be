import type { Act } from '../../books/ledger/audit.ts';
import { appendEvent } from '../../books/ledger/events.ts';
import type { MeterDeclarations } from '../../books/meters/declarations.ts';
import { meterOf, rowsOfGenerations } from '../../books/meters/generations.ts';
import { BursarError } from '../../core/errors/base.ts';
import type { ReadTx, Store, Tx } from '../../store/store.ts';
import type { Shadow } from '../payments/rules.ts';
import type { Stage } from '../payments/stage.ts';
import { metersUnlike } from '../policy/candidate.ts';
import type { Policy } from '../policy/policy.ts';
import { addShadow, newestActivation, type OpenShadow, openShadow } from './queries.ts';
import { createShadow, endShadow } from './shadow.ts';
import type { Staging } from './staging.ts';

/** The candidate that is asked next to the active policy: one at a time, kept over restarts and roll-backs. */
export interface Shadows {
  /** For the gate; null where no candidate is asked. */
  current(): Shadow | null;
  /**
   * Ends the one before. The same candidate twice is one run. Meters that the active policy does not keep are counted from past payments
   * first, page by page. Throws `policy_already_active` or `conflict`.
   */
  start(policy: Policy, active: Policy, act: Act): Promise<void>;
  /** False where none was asked. */
  end(act: Act): Promise<boolean>;
  /** Inside the activation's own transaction: a candidate that decides now, or whose meters go, is a candidate no more. */
  onActivation(tx: Tx, policy: Policy, act: Act): Promise<void>;
  /** Goes on with a candidate that another server has begun, and drops one that another has ended. */
  sync(): Promise<void>;
  /** Whether a total, by its stored name, is one that only the candidate has. */
  counts(stored: string): boolean;
}

export type ShadowsOptions = {
  load: (digest: string) => Promise<Policy>;
  clock: () => number;
  staging: Staging;
  active: () => Policy | null;
};

/** Goes on with the candidate of before a restart; one that cannot be read any more is ended. */
export async function openShadows(store: Store, { load, clock, staging, active }: ShadowsOptions): Promise<Shadows> {
  let current: Shadow | null = null;
  /** The candidate whose meters are being counted here before it is asked. */
  let coming: bigint | null = null;
  const stop = (): void => {
    if (current?.own) staging.leave(current.own);
    current = null;
  };
  const begin = (seq: bigint, policy: Policy, own: Stage | null): void => {
    const dropped = (): void => {
      if (current === begun) stop();
    };
    const begun = createShadow({ seq: Number(seq), policy, own }, { now: () => performance.now(), dropped });
    current = begun;
  };
  const end = async (
    tx: Tx,
    row: OpenShadow,
    { actor, atMs }: Act,
    why: Pick<Parameters<typeof endShadow>[2], 'reason' | 'data'>,
  ): Promise<void> => {
    await endShadow(tx, { seq: Number(row.seq), digest: row.digest }, { actor, atMs, ...why });
    tx.afterCommit(stop);
  };
  const unreadable = async (row: OpenShadow, error: unknown): Promise<void> => {
    const why = { reason: 'unreadable', data: { error: String(error).slice(0, 200) } } as const;
    await store.write(async (tx) => {
      if ((await openRow(tx))?.seq === row.seq) await end(tx, row, { actor: 'bursar', atMs: clock() }, why);
    });
  };
  /** The meters of the candidate that the active policy does not keep and that `own` does not count. */
  const uncounted = (meters: MeterDeclarations, kept: Policy, own: Stage | null): string[] =>
    metersUnlike(meters, kept.meters).filter((name) => !own?.generations.has(name));

  /** The meters of its own were counted in memory: they are counted again, and until then it is not asked. */
  async function goOn(row: OpenShadow): Promise<void> {
    try {
      const policy = await load(row.digest);
      // Meanwhile this server itself, or another one, may have begun or ended a candidate.
      if (current !== null || (await store.read(openRow))?.seq !== row.seq) return;
      if (metersUnlike(policy.meters, active()?.meters ?? {}).length === 0) return begin(row.seq, policy, null);
      const change = async (own: Stage): Promise<void> => {
        if ((await store.read(openRow))?.seq === row.seq) begin(row.seq, policy, own);
        else staging.leave(own);
      };
      coming = row.seq;
      void staging
        .candidate({ meters: policy.meters, current: active, change })
        .catch((error) => unreadable(row, error))
        .finally(() => {
          coming = null;
        });
    } catch (error) {
      await unreadable(row, error);
    }
  }

  async function open(tx: Tx, { policy, active: kept, own }: Opening, act: Act): Promise<void> {
    const newest = await tx.get(newestActivation);
    if (newest?.digest !== kept.digest || uncounted(policy.meters, kept, own).length > 0) {
      throw new BursarError('conflict', { message: 'The active policy has changed in this moment. Try again.' });
    }
    const before = await openRow(tx);
    if (before?.digest === policy.digest) {
      if (own) tx.afterCommit(() => staging.leave(own));
      return;
    }
    if (before) await end(tx, before, act, { reason: 'replaced' });
    const started = { digest: policy.digest, meters: JSON.stringify(policy.meters), by: act.actor, at: act.atMs };
    const row = await tx.get(addShadow, started);
    if (!row) throw new BursarError('storage_failed');
    const data = {
      active: kept.digest,
      ...(own ? { own_meters: [...own.generations.keys()], payments: own.counted } : {}),
    };
    const { actor, atMs } = act;
    await appendEvent(tx, { type: 'policy.shadow_started', actor, policyDigest: policy.digest, data }, atMs);
    tx.afterCommit(() => begin(row.seq, policy, own));
  }

  const before = await store.read(openRow);
  if (before) await goOn(before);

  return {
    current: () => current,
    counts: (stored) => {
      const meter = meterOf(stored);
      const generations = current?.own?.generations;
      return generations?.has(meter) === true && rowsOfGenerations(generations)(meter) === stored;
    },
    async start(policy, kept, act) {
      if (policy.digest === kept.digest) throw new BursarError('policy_already_active');
      if ((await store.read(openRow))?.digest === policy.digest) return;
      if (uncounted(policy.meters, kept, null).length === 0)
        return store.write((tx) => open(tx, { policy, active: kept, own: null }, act));
      await staging.candidate({
        meters: policy.meters,
        current: () => kept,
        change: (own) => store.write((tx) => open(tx, { policy, active: kept, own }, act)),
      });
    },
    async sync() {
      const row = await store.read(openRow);
      if (current !== null && BigInt(current.seq) !== row?.seq) stop();
      if (row && current === null && coming !== row.seq) await goOn(row);
    },
    end: (act) =>
      store.write(async (tx) => {
        const open = await openRow(tx);
        if (open) await end(tx, open, act, { reason: 'off' });
        return open !== undefined;
      }),
    async onActivation(tx, policy, act) {
      const open = await openRow(tx);
      if (!open) return;
      if (open.digest === policy.digest) return end(tx, open, act, { reason: 'activated' });
      const meters = uncounted(JSON.parse(open.meters_json) as MeterDeclarations, policy, current?.own ?? null);
      if (meters.length > 0) await end(tx, open, act, { reason: 'meters_differ', data: { meters } });
    },
  };
}

/** `own`: the meters that `active` does not keep, counted. */
type Opening = { policy: Policy; active: Policy; own: Stage | null };

const openRow = (tx: ReadTx): Promise<OpenShadow | undefined> => tx.get(openShadow);
