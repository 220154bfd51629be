import { statement } from '../../store/statement.ts';

export const hashOfEvent = statement<{ seq: number }>()((db, p) =>
  db.selectFrom('events').select('hash').where('seq', '=', p.seq),
);
export const anyOperatorKey = statement()((db) =>
  db.selectFrom('credentials').select('id').where('role', '=', 'operator').where('revoked_at', 'is', null).limit(1),
);
