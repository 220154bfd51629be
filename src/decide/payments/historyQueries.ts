import { settledHistory } from '../../books/ledger/settledHistory.ts';
import { statement } from '../../store/statement.ts';

export const historyOf = statement<{ agent: string; subject: string }>()((db, p) =>
  db
    .selectFrom('payment_history')
    .select(['settled_count', 'last_amount_micro', 'max_amount_micro', 'last_at', 'last_address'])
    .where('agent_id', '=', p.agent)
    .where('subject', '=', p.subject)
    .where('settled_count', '>', 0n),
);
export const addToHistory = statement<{
  agent: string;
  subject: string;
  address: string;
  amount: bigint;
  at: number;
}>()((db, p, f) =>
  db
    .insertInto('payment_history')
    .values({
      agent_id: p.agent,
      subject: p.subject,
      last_address: p.address,
      last_amount_micro: p.amount,
      max_amount_micro: p.amount,
      last_at: p.at,
      settled_count: 1n,
    })
    .onConflict((conflict) =>
      conflict.columns(['agent_id', 'subject']).doUpdateSet(({ eb, ref }) => ({
        last_address: ref('excluded.last_address'),
        last_amount_micro: ref('excluded.last_amount_micro'),
        max_amount_micro: f.larger(ref('payment_history.max_amount_micro'), ref('excluded.max_amount_micro')),
        last_at: ref('excluded.last_at'),
        settled_count: eb('payment_history.settled_count', '+', 1n),
      })),
    ),
);
type Subjects = { agent: string; subjects: readonly string[] };
export const forgetHistory = statement<Subjects>()((db, p, f) =>
  db
    .deleteFrom('payment_history')
    .where('agent_id', '=', p.agent)
    .where(({ ref }) => f.isAnyOf(ref('subject'), p.subjects)),
);
const columns = [
  'agent_id',
  'subject',
  'last_address',
  'last_amount_micro',
  'max_amount_micro',
  'last_at',
  'settled_count',
] as const;
/** Writes what the settled payments say. */
export const writeHistory = statement<Subjects>()((db, p, f) =>
  db
    .insertInto('payment_history')
    .columns(columns)
    .expression((eb) =>
      eb
        .selectFrom(settledHistory(db, eb.val(p.agent)).as('made'))
        .select(columns)
        .where(({ ref }) => f.isAnyOf(ref('subject'), p.subjects)),
    ),
);
