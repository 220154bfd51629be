import type { ExpressionBuilder } from 'kysely';
import type { Schema } from '../../store/schema/schema.ts';
import { statement } from '../../store/statement.ts';

/** A session that has not ended at a given time. */
export const liveSession = statement<{ token: string; at: number }>()((db, p) =>
  db
    .selectFrom('sessions')
    .selectAll()
    .where('token_hash', '=', p.token)
    .where('ended_at', 'is', null)
    .where('expires_at', '>', p.at),
);
/** A session that was not ended, expired or not. */
export const unendedSession = statement<{ token: string }>()((db, p) =>
  db.selectFrom('sessions').selectAll().where('token_hash', '=', p.token).where('ended_at', 'is', null),
);
export const endSession = statement<{ token: string; at: number }>()((db, p) =>
  db.updateTable('sessions').set({ ended_at: p.at }).where('token_hash', '=', p.token),
);
export const deleteExpired = statement<{ at: number }>()((db, p) =>
  db.deleteFrom('sessions').where('expires_at', '<=', p.at),
);

type Holder = { approver: string | null; person: string | null };

/** Exactly one of the two is null. */
const heldBy = (eb: ExpressionBuilder<Schema, 'sessions'>, approver: string | null, person: string | null) =>
  eb.and([eb('approver_id', 'is not distinct from', approver), eb('person_id', 'is not distinct from', person)]);

/** Ends the holder's sessions except the `keep` newest. */
export const endOlder = statement<Holder & { keep: number; at: number }>()((db, p, f) =>
  db
    .updateTable('sessions')
    .set({ ended_at: p.at })
    .where('token_hash', 'in', (from) =>
      from
        .selectFrom('sessions')
        .select('token_hash')
        .where((eb) => heldBy(eb, p.approver, p.person))
        .where('ended_at', 'is', null)
        .orderBy('created_at', 'desc')
        .limit(f.noLimit)
        .offset(p.keep),
    ),
);
export const newSession = statement<Holder & { token: string; groups: string | null; at: number; expires: number }>()(
  (db, p) =>
    db.insertInto('sessions').values({
      token_hash: p.token,
      approver_id: p.approver,
      person_id: p.person,
      groups_json: p.groups,
      created_at: p.at,
      expires_at: p.expires,
    }),
);

export const secretNamed = statement<{ name: string }>()((db, p) =>
  db.selectFrom('server_secrets').select('value').where('name', '=', p.name),
);
/** The first one stays. */
export const addSecret = statement<{ name: string; value: string }>()((db, p) =>
  db
    .insertInto('server_secrets')
    .values({ name: p.name, value: p.value })
    .onConflict((conflict) => conflict.column('name').doNothing()),
);
export const useOf = statement<{ id: string }>()((db, p) =>
  db.selectFrom('sign_in_uses').select('id').where('id', '=', p.id),
);
/** Changes one row, or none where it was used before. */
export const firstUse = statement<{ id: string; until: number }>()((db, p) =>
  db
    .insertInto('sign_in_uses')
    .values({ id: p.id, expires_at: p.until })
    .onConflict((conflict) => conflict.column('id').doNothing()),
);
export const deleteOldUses = statement<{ at: number }>()((db, p) =>
  db.deleteFrom('sign_in_uses').where('expires_at', '<', p.at),
);
