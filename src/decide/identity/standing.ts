import { prefixes } from '../../core/ids/ids.ts';
import type { ReadTx } from '../../store/store.ts';
import { liveCredential, operatingApprover, operatingPerson } from './accessQueries.ts';

const standingOf = {
  [prefixes.credential]: liveCredential,
  [prefixes.approver]: operatingApprover,
  [prefixes.person]: operatingPerson,
};

/**
 * Whether money may still move on the word of who asked earlier: a credential that is not revoked, an approver or a person of the
 * identity provider who is active and an operator now (see `session/roles.ts`). Anyone who else: no.
 */
export function mayStillPay(tx: ReadTx, actor: string): boolean {
  const standing = Object.entries(standingOf).find(([prefix]) => prefix === actor.split('_')[0])?.[1];
  return standing !== undefined && tx.get(standing, { id: actor }) !== undefined;
}
