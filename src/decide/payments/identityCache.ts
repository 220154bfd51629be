import type { ReadTx } from '../../store/store.ts';
import { identityEpoch } from './decisionQueries.ts';
import { readIdentities } from './identities.ts';
import type { Identities } from './resolve.ts';

/** Names that callers choose are keys too: more than this and all is read again. */
const ENTRIES_MAX = 50_000;

/**
 * Who there is, kept from group to group for as long as nothing of it has changed: the database raises `identity_epoch` with every
 * change, also by another program, and each group reads it. Only for transactions whose failure is told (`forget`): an epoch that was rolled back
 * may come again with other rows.
 */
export class IdentityCache {
  #epoch: bigint | null = null;
  #known: ReturnType<typeof readIdentities> | null = null;

  async read(tx: ReadTx): Promise<Identities> {
    const epoch = (await tx.get(identityEpoch))?.epoch ?? 0n;
    if (this.#known === null || this.#epoch !== epoch || this.#known.size() > ENTRIES_MAX) {
      this.#known = readIdentities();
      this.#epoch = epoch;
    }
    return this.#known.within(tx);
  }

  forget(): void {
    this.#known = null;
  }
}
