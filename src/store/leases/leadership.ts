import { BursarError } from '../../core/errors/base.ts';
import type { ReadTx, Store } from '../store.ts';
import { holderOf } from './queries.ts';

/**
 * One server's term as the holder of a lease. Only `leases.ts` makes one. It proves nothing by itself: the server may have been paused
 * since. Each transaction of a leader therefore asks the database (`requireLead`).
 */
export class Leadership {
  readonly name: string;
  readonly holder: string;
  /** Grows with each change of holder. */
  readonly #fence: bigint;

  constructor(name: string, holder: string, fence: bigint) {
    this.name = name;
    this.holder = holder;
    this.#fence = fence;
  }

  get fence(): bigint {
    return this.#fence;
  }
}

/** A store whose every write is a leader's: it throws `lease_lost`, and writes nothing, once another server may lead. */
export type LedStore = Store & { readonly lead: Leadership };

/**
 * Throws `lease_lost` unless this term still counts. A lease that has expired counts until another server takes it: the transactions
 * that take it and that check it exclude each other, so the order of fences is the order of writes.
 */
export async function requireLead(tx: ReadTx, { name, holder, fence }: Leadership): Promise<void> {
  const row = await tx.get(holderOf, { name });
  if (row?.holder === holder && row.fence === fence) return;
  throw new BursarError('lease_lost', { details: { lease: name } });
}

export function ledBy(store: Store, lead: Leadership): LedStore {
  return {
    ...store,
    lead,
    write: (job) =>
      store.write(async (tx) => {
        await requireLead(tx, lead);
        return job(tx);
      }),
  };
}
