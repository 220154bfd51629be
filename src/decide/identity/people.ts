import { type Act, recordAct } from '../../books/ledger/audit.ts';
import { BursarError } from '../../core/errors/base.ts';
import { newId } from '../../core/ids/ids.ts';
import type { ReadTx, Tx } from '../../store/store.ts';

/** What groups of an identity provider can give. Never `approver`: that comes with the address that signs. */
export const groupRoles = ['operator', 'auditor', 'viewer'] as const;
export type GroupRole = (typeof groupRoles)[number];

/** Somebody whom the configured identity provider vouches for, by issuer and subject. */
export type Person = {
  id: string;
  issuer: string;
  subject: string;
  name: string;
  /** As the provider verified it, lower case. */
  email: string | null;
  /** What the groups gave at the last sign-in. */
  role: GroupRole | null;
  status: 'active' | 'blocked';
  createdAtMs: number;
  signedInAtMs: number;
};
type Row = Pick<Person, 'id' | 'issuer' | 'subject' | 'name' | 'email'> & {
  role: string | null;
  status: string;
  created_at: bigint;
  signed_in_at: bigint;
};
const toPerson = ({ created_at, signed_in_at, role, status, ...rest }: Row): Person => ({
  ...rest,
  role: role as GroupRole | null,
  status: status as Person['status'],
  createdAtMs: Number(created_at),
  signedInAtMs: Number(signed_in_at),
});

/** Writes down who comes, new or known. Throws `person_blocked`. */
export function meetPerson(
  tx: Tx,
  came: Pick<Person, 'issuer' | 'subject' | 'name' | 'email' | 'role'>,
  atMs: number,
): Person {
  const known = tx.get<Row>('SELECT * FROM people WHERE issuer = ? AND subject = ?', came.issuer, came.subject);
  if (known?.status === 'blocked') throw new BursarError('person_blocked');
  const id = known?.id ?? newId('person');
  tx.run(
    `INSERT INTO people (id, issuer, subject, name, email, role, status, created_at, signed_in_at)
     VALUES (?, ?, ?, ?, ?, ?, 'active', ?, ?)
     ON CONFLICT (id) DO UPDATE SET name = excluded.name, email = excluded.email, role = excluded.role, signed_in_at = excluded.signed_in_at`,
    ...[id, came.issuer, came.subject, came.name, came.email, came.role, atMs, atMs],
  );
  return getPerson(tx, id);
}

/** Throws `person_not_found`. */
export function getPerson(tx: ReadTx, id: string): Person {
  const row = tx.get<Row>('SELECT * FROM people WHERE id = ?', id);
  if (!row) throw new BursarError('person_not_found', { details: { person: id } });
  return toPerson(row);
}

export function listPeople(tx: ReadTx): Person[] {
  return tx.all<Row>('SELECT * FROM people ORDER BY id').map(toPerson);
}

/** Who is blocked is out at once, and stays out whatever the provider says. */
export function setPersonStatus(tx: Tx, act: Act, id: string, status: Person['status']): Person {
  const person = getPerson(tx, id);
  tx.run('UPDATE people SET status = ? WHERE id = ?', status, id);
  if (status === 'blocked') {
    tx.run('UPDATE sessions SET ended_at = ? WHERE person_id = ? AND ended_at IS NULL', act.atMs, id);
  }
  recordAct(tx, act, { type: 'person.status_changed', data: { person: id, from: person.status, to: status } });
  return getPerson(tx, id);
}
