import type { PaymentKind } from '../../core/payment/kinds.ts';
import type { PaymentState } from '../../core/payment/states.ts';
import type { ReadTx, SqlValue } from '../../store/store.ts';
import type { Payment } from './payment.ts';
import { isWorking, type PaymentRow, toPayment, WORKING } from './records.ts';

export type PaymentSearch = {
  agentId?: string | undefined;
  payeeId?: string | undefined;
  batchId?: string | undefined;
  state?: PaymentState | undefined;
  kind?: PaymentKind | undefined;
  /** Epoch ms; from inclusive, to exclusive. */
  fromMs?: number | undefined;
  toMs?: number | undefined;
  minMicro?: bigint | undefined;
  maxMicro?: bigint | undefined;
  /** Of an id, a transaction hash, an address, a name of an agent or payee, or a memo. */
  text?: string | undefined;
  /** Ids below this one, and from that one on: they sort by time. */
  before?: string | undefined;
  after?: string | undefined;
  limit: number;
};
export type Found = {
  payments: Payment[];
  /** For the next page; null: there is no more. A page may be short, even empty, and have a next one. */
  nextCursor: string | null;
};

type Condition = [sql: string, ...values: SqlValue[]];
/** `by` is found by an index; `also` is looked at row by row. */
type Source = { by: Condition[]; also: Condition[] };

/** Rows that one search looks at in each source: the gate decides on the same thread. */
const SCAN_MAX = 10_000;
const NAMED_MAX = 10;

/** Newest first. However many payments there are, and however few are like that, it reads a bounded number of them. */
export function searchPayments(tx: ReadTx, search: PaymentSearch): Found {
  const { before, after, limit } = search;
  const range: Condition[] = [
    ...(before === undefined ? [] : [['id < ?', before] satisfies Condition]),
    ...(after === undefined ? [] : [['id >= ?', after] satisfies Condition]),
  ];
  const found = sourcesOf(tx, search).map((source) => read(tx, source, range, limit));
  // What lies beyond the nearest end of a scan is for the next page: another source may have passed it already.
  const horizon = found.flatMap(({ scannedTo }) => scannedTo ?? []).reduce((a, b) => (a > b ? a : b), '');
  const distinct = new Map(found.flatMap(({ rows }) => rows).map((row) => [row.id, row]));
  const within = [...distinct.values()].filter(({ id }) => id >= horizon).sort((a, b) => (a.id < b.id ? 1 : -1));
  const page = within.slice(0, limit);
  const last = page.length === limit ? page.at(-1)?.id : horizon;
  return { payments: page.map(toPayment), nextCursor: last || null };
}

function read(
  tx: ReadTx,
  { by, also }: Source,
  range: Condition[],
  limit: number,
): { rows: PaymentRow[]; scannedTo: string | null } {
  const inner = [...by, ...range];
  const where = (list: Condition[]): string =>
    list.length === 0 ? '' : `WHERE ${list.map(([sql]) => sql).join(' AND ')}`;
  const values = (list: Condition[]): SqlValue[] => list.flatMap(([, ...given]) => given);
  const rows = tx.all<PaymentRow>(
    `SELECT * FROM (SELECT * FROM payments ${where(inner)} ORDER BY id DESC LIMIT ${SCAN_MAX}) ${where(also)} LIMIT ?`,
    ...values(inner),
    ...values(also),
    limit,
  );
  if (rows.length === limit) return { rows, scannedTo: rows.at(-1)?.id ?? null };
  const end = tx.get<{ id: string }>(
    `SELECT id FROM payments ${where(inner)} ORDER BY id DESC LIMIT 1 OFFSET ${SCAN_MAX - 1}`,
    ...values(inner),
  );
  return { rows, scannedTo: end?.id ?? null };
}

function sourcesOf(tx: ReadTx, search: PaymentSearch): Source[] {
  const { agentId, payeeId, batchId, state, kind, fromMs, toMs, minMicro, maxMicro, text } = search;
  const indexed: Condition[] = [];
  const also: Condition[] = [];
  const add = (list: Condition[], sql: string, value: SqlValue | undefined): void => {
    if (value !== undefined) list.push([sql, value]);
  };
  add(indexed, 'batch_id = ?', batchId);
  if (state !== undefined) add(isWorking(state) ? indexed : also, stateIs(state), state);
  add(indexed, 'payee_id = ?', payeeId);
  add(indexed, 'agent_id = ?', agentId);
  add(also, 'kind = ?', kind);
  add(also, 'created_at >= ?', fromMs);
  add(also, 'created_at < ?', toMs);
  add(also, 'amount_micro >= ?', minMicro);
  add(also, 'amount_micro <= ?', maxMicro);
  if (text === undefined) return [{ by: indexed.slice(0, 1), also: [...indexed.slice(1), ...also] }];
  const rest = [...indexed, ...also];
  const by = (...condition: Condition): Source => ({ by: [condition], also: rest });
  if (/^0x[0-9a-f]{64}$/i.test(text)) return [by('tx_hash = ?', text.toLowerCase())];
  if (/^pay_[0-9a-z]*$/.test(text))
    return [
      {
        by: [
          ['id >= ?', text],
          ['id < ?', `${text}~`],
        ],
        also: rest,
      },
    ];
  const all = (...condition: Condition): Source => ({
    by: indexed.slice(0, 1),
    also: [...indexed.slice(1), ...also, condition],
  });
  if (/^0x[0-9a-f]{40}$/i.test(text)) return [all('lower(address) = ?', text.toLowerCase())];
  const part = `%${text.replaceAll(/[!%_]/g, '!$&')}%`;
  const named = (table: 'agents' | 'payees'): string[] =>
    tx
      .all<{ id: string }>(`SELECT id FROM ${table} WHERE name LIKE ? ESCAPE '!' LIMIT ${NAMED_MAX}`, part)
      .map(({ id }) => id);
  return [
    ...named('agents').map((id) => by('agent_id = ?', id)),
    ...named('payees').map((id) => by('payee_id = ?', id)),
    all("memo LIKE ? ESCAPE '!'", part),
  ];
}

/** SQLite takes the partial index of live payments only when the query repeats its condition. */
const stateIs = (state: PaymentState): string => (isWorking(state) ? `${WORKING} AND state = ?` : 'state = ?');
