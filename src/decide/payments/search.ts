import { mapInOrder } from '../../core/inOrder.ts';
import type { PaymentKind } from '../../core/payment/kinds.ts';
import type { PaymentState } from '../../core/payment/states.ts';
import type { ReadTx } from '../../store/store.ts';
import type { Payment } from './payment.ts';
import { type Condition, endOfScan, isWorking, named, type PaymentRow, scannedPayments, stateIs } from './queries.ts';
import { toPayment } from './records.ts';

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

/** `by` is found by an index; `also` is looked at row by row. */
type Source = { by: Condition[]; also: Condition[] };

/** Rows that one search looks at in each source: the gate decides on the same thread. */
const SCAN_MAX = 10_000;

/** Newest first. However many payments there are, and however few are like that, it reads a bounded number of them. */
export async function searchPayments(tx: ReadTx, search: PaymentSearch): Promise<Found> {
  const { before, after, limit } = search;
  const range: Condition[] = [
    ...(before === undefined ? [] : [((eb) => eb('id', '<', before)) satisfies Condition]),
    ...(after === undefined ? [] : [((eb) => eb('id', '>=', after)) satisfies Condition]),
  ];
  const found = await mapInOrder(await sourcesOf(tx, search), (source) => read(tx, source, range, limit));
  // What lies beyond the nearest end of a scan is for the next page: another source may have passed it already.
  const horizon = found.flatMap(({ scannedTo }) => scannedTo ?? []).reduce((a, b) => (a > b ? a : b), '');
  const distinct = new Map(found.flatMap(({ rows }) => rows).map((row) => [row.id, row]));
  const within = [...distinct.values()].filter(({ id }) => id >= horizon).sort((a, b) => (a.id < b.id ? 1 : -1));
  const page = within.slice(0, limit);
  const last = page.length === limit ? page.at(-1)?.id : horizon;
  return { payments: page.map(toPayment), nextCursor: last || null };
}

async function read(
  tx: ReadTx,
  { by, also }: Source,
  range: Condition[],
  limit: number,
): Promise<{ rows: PaymentRow[]; scannedTo: string | null }> {
  const inner = [...by, ...range];
  const rows = await tx.all(scannedPayments(inner, also, { scan: SCAN_MAX, limit }));
  if (rows.length === limit) return { rows, scannedTo: rows.at(-1)?.id ?? null };
  const end = await tx.get(endOfScan(inner, SCAN_MAX));
  return { rows, scannedTo: end?.id ?? null };
}

async function sourcesOf(tx: ReadTx, search: PaymentSearch): Promise<Source[]> {
  const { agentId, payeeId, batchId, state, kind, fromMs, toMs, minMicro, maxMicro, text } = search;
  const indexed: Condition[] = [];
  const also: Condition[] = [];
  if (batchId !== undefined) indexed.push((eb) => eb('batch_id', '=', batchId));
  if (state !== undefined) (isWorking(state) ? indexed : also).push(stateIs(state));
  if (payeeId !== undefined) indexed.push((eb) => eb('payee_id', '=', payeeId));
  if (agentId !== undefined) indexed.push((eb) => eb('agent_id', '=', agentId));
  if (kind !== undefined) also.push((eb) => eb('kind', '=', kind));
  if (fromMs !== undefined) also.push((eb) => eb('created_at', '>=', BigInt(fromMs)));
  if (toMs !== undefined) also.push((eb) => eb('created_at', '<', BigInt(toMs)));
  if (minMicro !== undefined) also.push((eb) => eb('amount_micro', '>=', minMicro));
  if (maxMicro !== undefined) also.push((eb) => eb('amount_micro', '<=', maxMicro));
  if (text === undefined) return [{ by: indexed.slice(0, 1), also: [...indexed.slice(1), ...also] }];
  const rest = [...indexed, ...also];
  const by = (...conditions: Condition[]): Source => ({ by: conditions, also: rest });
  if (/^0x[0-9a-f]{64}$/i.test(text)) return [by((eb) => eb('tx_hash', '=', text.toLowerCase()))];
  if (/^pay_[0-9a-z]*$/.test(text))
    return [
      by(
        (eb) => eb('id', '>=', text),
        (eb) => eb('id', '<', `${text}~`),
      ),
    ];
  const all = (condition: Condition): Source => ({
    by: indexed.slice(0, 1),
    also: [...indexed.slice(1), ...also, condition],
  });
  if (/^0x[0-9a-f]{40}$/i.test(text))
    return [all((eb) => eb(eb.fn<string>('lower', ['address']), '=', text.toLowerCase()))];
  const pattern = `%${text.replaceAll(/[!%_]/g, '!$&')}%`;
  return [
    ...(await tx.all(named.agents, { pattern })).map(({ id }) => by((eb) => eb('agent_id', '=', id))),
    ...(await tx.all(named.payees, { pattern })).map(({ id }) => by((eb) => eb('payee_id', '=', id))),
    all((eb, f) => f.isLike(eb.ref('memo'), pattern)),
  ];
}
