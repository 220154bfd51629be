import { prefixes } from '../../core/ids/ids.ts';
import type { ReadTx } from '../../store/store.ts';
import { liveCredential, operatingApprover, operatingPerson } from './accessQueries.ts';

const liveRowOf = {
  [prefixes.credential]: liveCredential,
  [prefixes.approver]: operatingApprover,
  [prefixes.person]: operatingPerson,
};

/**
 * Tells whether an earlier request may still move money: its credential is not revoked, or its approver or person of the identity
 * provider is active and an operator now (see `control/sign-in/roles.ts`). False for any other actor.
 */
export async function stillAuthorized(tx: ReadTx, actor: string): Promise<boolean> {
  const liveRow = Object.entries(liveRowOf).find(([prefix]) => prefix === actor.split('_')[0])?.[1];
  return liveRow !== undefined && (await tx.get(liveRow, { id: actor })) !== undefined;
}
