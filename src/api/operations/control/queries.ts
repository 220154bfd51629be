import type { RowIn } from '../../../store/schema/schema.ts';
import { statement } from '../../../store/statement.ts';

export const newestNotices = statement<{ limit: number }>()((db, p) =>
  db.selectFrom('notices').selectAll().orderBy('id', 'desc').limit(p.limit),
);
export const newestNoticesIn = statement<{ state: RowIn<'notices'>['state']; limit: number }>()((db, p) =>
  db.selectFrom('notices').selectAll().where('state', '=', p.state).orderBy('id', 'desc').limit(p.limit),
);
export const purposeOf = statement<{ id: bigint }>()((db, p) =>
  db.selectFrom('transactions').select('purpose').where('id', '=', p.id),
);
