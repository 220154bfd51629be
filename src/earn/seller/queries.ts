import type { SalesSchema } from '../../store/schema/sales.ts';
import { statementsOf } from '../../store/statement.ts';

const { statement } = statementsOf<SalesSchema>();

export const saleByIdentifier = statement<{ identifier: string | null }>()((db, p) =>
  db.selectFrom('sales').select('key').where('identifier', '=', p.identifier),
);
export const saleByKey = statement<{ key: string }>()((db, p) =>
  db.selectFrom('sales').selectAll().where('key', '=', p.key),
);
export const putSale = statement<{
  key: string;
  identifier: string | null;
  request: string;
  state: 'claimed' | 'owed' | 'done';
  until: number;
  answer: string | null;
  at: number;
}>()((db, p) =>
  db
    .insertInto('sales')
    .values({
      key: p.key,
      identifier: p.identifier,
      request: p.request,
      state: p.state,
      until_at: p.until,
      answer_json: p.answer,
      at: p.at,
    })
    .onConflict((conflict) =>
      conflict.column('key').doUpdateSet(({ ref }) => ({
        identifier: ref('excluded.identifier'),
        request: ref('excluded.request'),
        state: ref('excluded.state'),
        until_at: ref('excluded.until_at'),
        answer_json: ref('excluded.answer_json'),
        at: ref('excluded.at'),
      })),
    ),
);
export const forgetAnswers = statement<{ before: number }>()((db, p) =>
  db.updateTable('sales').set({ answer_json: null }).where('at', '<', p.before).where('answer_json', 'is not', null),
);
export const deleteSales = statement<{ before: number }>()((db, p) =>
  db.deleteFrom('sales').where('at', '<', p.before),
);
export const deleteSale = statement<{ key: string }>()((db, p) => db.deleteFrom('sales').where('key', '=', p.key));
