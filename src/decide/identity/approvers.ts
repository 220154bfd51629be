import type { Address } from 'viem';
import { type Act, recordAct } from '../../books/ledger/audit.ts';
import { BursarError } from '../../core/errors/base.ts';
import { newId } from '../../core/ids/ids.ts';
import type { RowIn } from '../../store/schema/schema.ts';
import type { ReadTx, Tx } from '../../store/store.ts';
import {
  activeApproverByEmail,
  allApprovers,
  approverByAddress,
  approverByKey,
  newApprover,
  setApproverRevoked,
  setEmail,
  setRoles,
} from './accessQueries.ts';
import { takeName } from './names.ts';
import { getSponsor, refuseRevoked } from './sponsors.ts';

/** A person (EOA) or a multisig (ERC-1271) that may approve. `sponsorId`: the sponsor that this person is, if any. */
export type Approver = {
  id: string;
  name: string;
  address: Address;
  roles: string[];
  sponsorId: string | null;
  /** Lower case. A person who signs in by OIDC with this verified address is this approver. */
  email: string | null;
  status: 'active' | 'revoked';
};
const toApprover = (row: RowIn<'approvers'>): Approver => ({
  id: row.id,
  name: row.name,
  address: row.address as Address,
  roles: JSON.parse(row.roles_json) as string[],
  sponsorId: row.sponsor_id,
  email: row.email,
  status: row.status,
});

export type NewApprover = {
  name: string;
  address: Address;
  roles: string[];
  sponsor: string | null;
  email?: string | null;
  confirmConfusable?: boolean | undefined;
};

export async function createApprover(
  tx: Tx,
  act: Act,
  { confirmConfusable, ...input }: NewApprover,
): Promise<Approver> {
  const id = newId('approver');
  await takeName(tx, 'approvers', { id, name: input.name, confirmConfusable });
  if (await findApproverByAddress(tx, input.address)) {
    throw new BursarError('conflict', { message: 'An approver has that address already.' });
  }
  const email = input.email ?? null;
  await refuseTakenEmail(tx, email, id);
  const sponsorId = input.sponsor === null ? null : (await getSponsor(tx, input.sponsor)).id;
  await tx.run(newApprover, {
    id,
    name: input.name,
    address: input.address,
    roles: JSON.stringify(input.roles),
    sponsor: sponsorId,
    email,
    at: act.atMs,
  });
  await recordAct(tx, act, { type: 'approver.created', data: { approver: id, ...input } });
  return getApprover(tx, id);
}

/** By id, name or address. Throws `approver_not_found`. */
export async function getApprover(tx: ReadTx, key: string): Promise<Approver> {
  const row = await tx.get(approverByKey, { key });
  if (!row) throw new BursarError('approver_not_found', { details: { approver: key } });
  return toApprover(row);
}

export async function findApproverByAddress(tx: ReadTx, address: string): Promise<Approver | null> {
  const row = await tx.get(approverByAddress, { address });
  return row ? toApprover(row) : null;
}

/** The active approver with that e-mail address, in lower case. */
export async function findApproverByEmail(tx: ReadTx, email: string): Promise<Approver | null> {
  const row = await tx.get(activeApproverByEmail, { email });
  return row ? toApprover(row) : null;
}

async function refuseTakenEmail(tx: ReadTx, email: string | null, own: string): Promise<void> {
  const other = email === null ? null : await findApproverByEmail(tx, email);
  if (other && other.id !== own) {
    throw new BursarError('conflict', { message: 'An active approver has that e-mail address already.' });
  }
}

export async function listApprovers(tx: ReadTx): Promise<Approver[]> {
  return (await tx.all(allApprovers)).map(toApprover);
}

/** New roles apply from the next request and the next decision on, also to earlier signatures. Throws `conflict`: revoked. */
export async function setApproverRoles(tx: Tx, act: Act, key: string, roles: string[]): Promise<Approver> {
  const approver = await getApprover(tx, key);
  refuseRevoked(approver.status);
  await tx.run(setRoles, { id: approver.id, roles: JSON.stringify(roles) });
  await recordAct(tx, act, {
    type: 'approver.changed',
    data: { approver: approver.id, from: approver.roles, to: roles },
  });
  return getApprover(tx, approver.id);
}

/**
 * Null removes the address, and the rights of its holder who signed in by OIDC. Throws `conflict`: revoked, or another's address.
 */
export async function setApproverEmail(tx: Tx, act: Act, key: string, email: string | null): Promise<Approver> {
  const approver = await getApprover(tx, key);
  refuseRevoked(approver.status);
  await refuseTakenEmail(tx, email, approver.id);
  await tx.run(setEmail, { id: approver.id, email });
  await recordAct(tx, act, {
    type: 'approver.changed',
    data: { approver: approver.id, from: { email: approver.email }, to: { email } },
  });
  return getApprover(tx, approver.id);
}

/** Earlier signatures of a revoked approver no longer count. */
export async function revokeApprover(tx: Tx, act: Act, key: string): Promise<Approver> {
  const approver = await getApprover(tx, key);
  await tx.run(setApproverRevoked, { id: approver.id });
  await recordAct(tx, act, { type: 'approver.revoked', data: { approver: approver.id } });
  return getApprover(tx, approver.id);
}
