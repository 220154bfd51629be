import type { ExpressionBuilder } from 'kysely';
import type { RowIn, Schema } from '../../store/schema/schema.ts';
import { statement } from '../../store/statement.ts';

export const newCredential = statement<{
  id: string;
  role: RowIn<'credentials'>['role'];
  agent: string | null;
  name: string;
  hash: string;
  scopes: string;
  at: number;
  expires: number | null;
  rotatedFrom: string | null;
}>()((db, p) =>
  db.insertInto('credentials').values({
    id: p.id,
    role: p.role,
    agent_id: p.agent,
    name: p.name,
    secret_hash: p.hash,
    scopes_json: p.scopes,
    created_at: p.at,
    expires_at: p.expires,
    rotated_from: p.rotatedFrom,
  }),
);
export const credentialByHash = statement<{ hash: string }>()((db, p) =>
  db.selectFrom('credentials').selectAll().where('secret_hash', '=', p.hash),
);
export const credentialById = statement<{ id: string }>()((db, p) =>
  db.selectFrom('credentials').selectAll().where('id', '=', p.id),
);
export const allCredentials = statement()((db) => db.selectFrom('credentials').selectAll().orderBy('id'));
/** Keeps an earlier end. */
export const endCredentialBy = statement<{ id: string; end: number }>()((db, p, f) =>
  db
    .updateTable('credentials')
    .set((eb) => ({ expires_at: f.smaller(eb.fn.coalesce('expires_at', eb.val(p.end)), eb.val(p.end)) }))
    .where('id', '=', p.id),
);
export const revokeById = statement<{ id: string; at: number }>()((db, p) =>
  db.updateTable('credentials').set({ revoked_at: p.at }).where('id', '=', p.id).where('revoked_at', 'is', null),
);
export const revokeOfAgent = statement<{ agent: string; at: number }>()((db, p) =>
  db
    .updateTable('credentials')
    .set({ revoked_at: p.at })
    .where('agent_id', '=', p.agent)
    .where('revoked_at', 'is', null),
);

export const putPerson = statement<
  Pick<RowIn<'people'>, 'id' | 'issuer' | 'subject' | 'name' | 'email' | 'role'> & { at: number }
>()((db, p) =>
  db
    .insertInto('people')
    .values({
      id: p.id,
      issuer: p.issuer,
      subject: p.subject,
      name: p.name,
      email: p.email,
      role: p.role,
      status: 'active',
      created_at: p.at,
      signed_in_at: p.at,
    })
    .onConflict((conflict) =>
      conflict.column('id').doUpdateSet(({ ref }) => ({
        name: ref('excluded.name'),
        email: ref('excluded.email'),
        role: ref('excluded.role'),
        signed_in_at: ref('excluded.signed_in_at'),
      })),
    ),
);
export const personBySubject = statement<{ issuer: string; subject: string }>()((db, p) =>
  db.selectFrom('people').selectAll().where('issuer', '=', p.issuer).where('subject', '=', p.subject),
);
export const personById = statement<{ id: string }>()((db, p) =>
  db.selectFrom('people').selectAll().where('id', '=', p.id),
);
export const allPeople = statement()((db) => db.selectFrom('people').selectAll().orderBy('id'));
export const setStatusOfPerson = statement<{ id: string; status: RowIn<'people'>['status'] }>()((db, p) =>
  db.updateTable('people').set({ status: p.status }).where('id', '=', p.id),
);
export const endSessionsOf = statement<{ person: string; at: number }>()((db, p) =>
  db.updateTable('sessions').set({ ended_at: p.at }).where('person_id', '=', p.person).where('ended_at', 'is', null),
);

export const newApprover = statement<{
  id: string;
  name: string;
  address: string;
  roles: string;
  sponsor: string | null;
  email: string | null;
  at: number;
}>()((db, p) =>
  db.insertInto('approvers').values({
    id: p.id,
    name: p.name,
    address: p.address,
    roles_json: p.roles,
    sponsor_id: p.sponsor,
    email: p.email,
    status: 'active',
    created_at: p.at,
  }),
);
export const approverByKey = statement<{ key: string }>()((db, p) =>
  db
    .selectFrom('approvers')
    .selectAll()
    .where(({ eb, or }) => or([eb('id', '=', p.key), eb('name', '=', p.key), eb('address', '=', p.key)])),
);
export const approverByAddress = statement<{ address: string }>()((db, p) =>
  db.selectFrom('approvers').selectAll().where('address', '=', p.address),
);
export const activeApproverByEmail = statement<{ email: string }>()((db, p) =>
  db.selectFrom('approvers').selectAll().where('email', '=', p.email).where('status', '=', 'active'),
);
export const allApprovers = statement()((db) => db.selectFrom('approvers').selectAll().orderBy('id'));
export const setRoles = statement<{ id: string; roles: string }>()((db, p) =>
  db.updateTable('approvers').set({ roles_json: p.roles }).where('id', '=', p.id),
);
export const setEmail = statement<{ id: string; email: string | null }>()((db, p) =>
  db.updateTable('approvers').set({ email: p.email }).where('id', '=', p.id),
);
export const setApproverRevoked = statement<{ id: string }>()((db, p) =>
  db.updateTable('approvers').set({ status: 'revoked' }).where('id', '=', p.id),
);

export const liveCredential = statement<{ id: string }>()((db, p) =>
  db.selectFrom('credentials').select('id').where('id', '=', p.id).where('revoked_at', 'is', null),
);
export const operatingApprover = statement<{ id: string }>()((db, p, f) =>
  db
    .selectFrom('approvers')
    .select('id')
    .where('id', '=', p.id)
    .where('status', '=', 'active')
    .where(({ ref }) => f.hasText(ref('roles_json'), 'operator')),
);
/** By the groups of the identity provider, or as the approver with the same e-mail address. */
export const operatingPerson = statement<{ id: string }>()((db, p, f) => {
  const isApprover = (eb: ExpressionBuilder<Schema & { p: Schema['people'] }, 'p'>) =>
    eb.exists(
      eb
        .selectFrom('approvers as a')
        .select('a.id')
        .whereRef('a.email', '=', 'p.email')
        .where('a.status', '=', 'active')
        .where(({ ref }) => f.hasText(ref('a.roles_json'), 'operator')),
    );
  return db
    .selectFrom('people as p')
    .select('p.id')
    .where('p.id', '=', p.id)
    .where('p.status', '=', 'active')
    .where((eb) => eb.or([eb('p.role', '=', 'operator'), isApprover(eb)]));
});
