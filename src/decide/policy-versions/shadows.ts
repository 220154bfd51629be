import type { Act } from '../../books/ledger/audit.ts';
import { appendEvent } from '../../books/ledger/events.ts';
import type { MeterDeclarations } from '../../books/meters/declarations.ts';
import { BursarError } from '../../core/errors/base.ts';
import type { ReadTx, Store, Tx } from '../../store/store.ts';
import type { Shadow } from '../payments/rules.ts';
import { metersUnlike } from '../policy/candidate.ts';
import type { Policy } from '../policy/policy.ts';
import { addShadow, newestActivation, type OpenShadow, openShadow } from './queries.ts';
import { createShadow, endShadow } from './shadow.ts';

/** The candidate that is asked next to the active policy: one at a time, kept over restarts and roll-backs. */
export interface Shadows {
  /** For the gate; null where no candidate is asked. */
  current(): Shadow | null;
  /**
   * Ends the one before. The same candidate twice is one run. Throws `policy_already_active`, `shadow_meters_differ` (the
   * meters' past is the active policy's: one that it does not keep would be counted from nothing) or `conflict`.
   */
  start(policy: Policy, active: Policy, act: Act): Promise<void>;
  /** False where none was asked. */
  end(act: Act): Promise<boolean>;
  /** Inside the activation's own transaction: a candidate that decides now, or whose meters go, is a candidate no more. */
  onActivation(tx: Tx, policy: Policy, act: Act): Promise<void>;
}

/** Goes on with the candidate of before a restart; one that cannot be read any more is ended. */
export async function openShadows(
  store: Store,
  load: (digest: string) => Promise<Policy>,
  clock: () => number,
): Promise<Shadows> {
  let current: Shadow | null = null;
  const stop = (): void => {
    current = null;
  };
  const begin = (seq: bigint, policy: Policy): void => {
    const dropped = (): void => {
      if (current === begun) stop();
    };
    const begun = createShadow({ seq: Number(seq), policy }, { now: () => performance.now(), dropped });
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

  const before = await store.read(openRow);
  if (before) {
    try {
      begin(before.seq, await load(before.digest));
    } catch (error) {
      const act = { actor: 'bursar', atMs: clock() };
      await store.write((tx) =>
        end(tx, before, act, { reason: 'unreadable', data: { error: String(error).slice(0, 200) } }),
      );
    }
  }

  return {
    current: () => current,
    start: (policy, active, act) =>
      store.write(async (tx) => {
        const newest = await tx.get(newestActivation);
        if (newest?.digest !== active.digest) {
          throw new BursarError('conflict', { message: 'The active policy has changed in this moment. Try again.' });
        }
        if (policy.digest === active.digest) throw new BursarError('policy_already_active');
        const meters = metersUnlike(policy.meters, active.meters);
        if (meters.length > 0) {
          const message = `The active policy does not count by ${meters.join(', ')}, or counts otherwise.`;
          throw new BursarError('shadow_meters_differ', { message, details: { meters } });
        }
        const open = await openRow(tx);
        if (open?.digest === policy.digest) return;
        if (open) await end(tx, open, act, { reason: 'replaced' });
        const started = { digest: policy.digest, meters: JSON.stringify(policy.meters), by: act.actor, at: act.atMs };
        const row = await tx.get(addShadow, started);
        if (!row) throw new BursarError('storage_failed');
        const data = { active: active.digest };
        const { actor, atMs } = act;
        await appendEvent(tx, { type: 'policy.shadow_started', actor, policyDigest: policy.digest, data }, atMs);
        tx.afterCommit(() => begin(row.seq, policy));
      }),
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
      const meters = metersUnlike(JSON.parse(open.meters_json) as MeterDeclarations, policy.meters);
      if (meters.length > 0) await end(tx, open, act, { reason: 'meters_differ', data: { meters } });
    },
  };
}

const openRow = (tx: ReadTx): Promise<OpenShadow | undefined> => tx.get(openShadow);
