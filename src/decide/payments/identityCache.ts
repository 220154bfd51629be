import type { ReadTx } from '../../store/store.ts';
import { identityEpoch } from './decisionQueries.ts';
import { KnownIdentities } from './identities.ts';

/** Names that callers choose are keys too: above this number everything is read again. */
const ENTRIES_MAX = 50_000;

/**
 * The identities, kept from group to group for as long as nothing of them has changed: the database raises `identity_epoch` with every
 * change, also by another program, and each group reads it. Only for transactions whose failure is told (`forget`): an epoch that was
 * rolled back may come again with other rows.
 */
export class IdentityCache {
  #epoch: bigint | null = null;
  #known: KnownIdentities | null = null;

  async read(tx: ReadTx): Promise<KnownIdentities> {
    const epoch = (await tx.get(identityEpoch))?.epoch ?? 0n;
    if (this.#known === null || this.#epoch !== epoch || this.#known.size > ENTRIES_MAX) {
      this.#known = new KnownIdentities();
      this.#epoch = epoch;
    }
    return this.#known;
  }

  forget(): void {
    this.#known = null;
  }
}
