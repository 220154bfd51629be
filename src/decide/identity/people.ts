import { type Act, recordAct } from '../../books/ledger/audit.ts';
import { BursarError } from '../../core/errors/base.ts';
import { newId } from '../../core/ids/ids.ts';
import type { RowIn } from '../../store/schema/schema.ts';
import type { ReadTx, Tx } from '../../store/store.ts';
import {
  allPeople,
  endSessionsOf,
  personById,
  personBySubject,
  putPerson,
  setStatusOfPerson,
} from './accessQueries.ts';

/** The roles that groups of an identity provider can give. Never `approver`: that needs an address that signs. */
export const groupRoles = ['operator', 'auditor', 'viewer'] as const;
export type GroupRole = (typeof groupRoles)[number];

/** A person whom the configured identity provider authenticated, by issuer and subject. */
export type Person = {
  id: string;
  issuer: string;
  subject: string;
  name: string;
  /** As verified by the provider, lower case. */
  email: string | null;
  /** The roles from the groups at the last sign-in. */
  role: GroupRole | null;
  status: 'active' | 'blocked';
  createdAtMs: number;
  signedInAtMs: number;
};
const toPerson = ({ created_at, signed_in_at, ...rest }: RowIn<'people'>): Person => ({
  ...rest,
  createdAtMs: Number(created_at),
  signedInAtMs: Number(signed_in_at),
});

/** Records a person who signs in, new or known. Throws `person_blocked`. */
export async function meetPerson(
  tx: Tx,
  came: Pick<Person, 'issuer' | 'subject' | 'name' | 'email' | 'role'>,
  atMs: number,
): Promise<Person> {
  const known = await tx.get(personBySubject, { issuer: came.issuer, subject: came.subject });
  if (known?.status === 'blocked') throw new BursarError('person_blocked');
  const id = known?.id ?? newId('person');
  const { issuer, subject, name, email, role } = came;
  await tx.run(putPerson, { id, issuer, subject, name, email, role, at: atMs });
  return getPerson(tx, id);
}

/** Throws `person_not_found`. */
export async function getPerson(tx: ReadTx, id: string): Promise<Person> {
  const row = await tx.get(personById, { id });
  if (!row) throw new BursarError('person_not_found', { details: { person: id } });
  return toPerson(row);
}

export async function listPeople(tx: ReadTx): Promise<Person[]> {
  return (await tx.all(allPeople)).map(toPerson);
}

/** A blocked person loses access at once, regardless of the identity provider. */
export async function setPersonStatus(tx: Tx, act: Act, id: string, status: Person['status']): Promise<Person> {
  const person = await getPerson(tx, id);
  await tx.run(setStatusOfPerson, { id, status });
  if (status === 'blocked') {
    await tx.run(endSessionsOf, { person: id, at: act.atMs });
  }
  await recordAct(tx, act, { type: 'person.status_changed', data: { person: id, from: person.status, to: status } });
  return getPerson(tx, id);
}
