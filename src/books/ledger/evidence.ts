import { parseUsdc } from '../../core/money/microUsdc.ts';
import { openScratch, type Scratch } from '../../store/scratch.ts';
import type { ReadTx } from '../../store/store.ts';
import { columnMarks, rowDigest, type StoredRow, shapeOf, type TableShape } from './rowDigest.ts';
import type { Seal } from './rowSeals.ts';

/** The body of an event, as far as the check reads it. */
export type EventBody = {
  seq: number;
  at: string;
  type: string;
  payment: string | null;
  agent: string | null;
  sponsor: string | null;
  workflow: string | null;
  policy_digest: string | null;
  data: Record<string, unknown>;
};

/** The events by which a payment begins. */
export const firstEvents: ReadonlySet<string> = new Set([
  'payment.allowed',
  'payment.denied',
  'payment.review_requested',
]);

/** What the event log says of one row. A null digest: that it is gone. */
export type Witness = { digest: string | null; marks: string; seq: bigint };
/** A decision that an event names, in the order in which they were taken. */
export type NamedDecision = { n: bigint; hash: string; payment: string; at: bigint; seq: bigint };

/** What the event log says of the rows of all tables, gathered event by event: the last word on each row counts. */
export interface Evidence {
  take(body: EventBody): void;
  of(table: string, key: string): Witness | undefined;
  /** Keys of the rows of a table that should be there. */
  keysOf(table: string): IterableIterator<{ key: string; seq: bigint }>;
  count(table: string): bigint;
  decision(n: bigint): NamedDecision | undefined;
  decisions(): bigint;
  close(): void;
}

const SCHEMA = `
CREATE TABLE seals (tbl TEXT NOT NULL, key TEXT NOT NULL, digest TEXT, marks TEXT NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY (tbl, key)) WITHOUT ROWID;
CREATE TABLE decisions (n INTEGER PRIMARY KEY, hash TEXT NOT NULL, payment TEXT NOT NULL, at INTEGER NOT NULL, seq INTEGER NOT NULL);
`;

export function gatherEvidence(tx: ReadTx): Evidence {
  const scratch = openScratch(SCHEMA);
  const shapes = {
    entries: shapeOf(tx, 'ledger_entries', []),
    meters: shapeOf(tx, 'meter_entries', []),
  };
  let decided = 0n;
  return {
    take: (body) => {
      const { data, payment, seq, type } = body;
      if (type === 'rows.sealed') {
        for (const seal of sealsIn(data)) put(scratch, seal, seq);
        return;
      }
      if (payment === null) return;
      if (firstEvents.has(type)) takeFirst(scratch, { ...body, payment }, shapes);
      if (typeof data.decision_hash === 'string' && type !== 'payment.checked') {
        decided += 1n;
        scratch.run(
          'INSERT INTO decisions (n, hash, payment, at, seq) VALUES (?, ?, ?, ?, ?)',
          decided,
          data.decision_hash,
          payment,
          Date.parse(body.at),
          seq,
        );
      }
    },
    of: (table, key) =>
      scratch.get<Witness>('SELECT digest, marks, seq FROM seals WHERE tbl = ? AND key = ?', table, key),
    keysOf: (table) =>
      scratch.each('SELECT key, seq FROM seals WHERE tbl = ? AND digest IS NOT NULL ORDER BY key', table),
    count: (table) =>
      scratch.get<{ n: bigint }>('SELECT count(*) AS n FROM seals WHERE tbl = ? AND digest IS NOT NULL', table)?.n ??
      0n,
    decision: (n) => scratch.get<NamedDecision>('SELECT n, hash, payment, at, seq FROM decisions WHERE n = ?', n),
    decisions: () => decided,
    close: () => scratch.close(),
  };
}

function put(scratch: Scratch, [table, key, digest, marks]: Seal, seq: number): void {
  scratch.run(
    'INSERT OR REPLACE INTO seals (tbl, key, digest, marks, seq) VALUES (?, ?, ?, ?, ?)',
    table,
    key,
    digest,
    marks ?? '',
    seq,
  );
}

function sealsIn(data: Record<string, unknown>): Seal[] {
  if (!Array.isArray(data.rows)) return [];
  return data.rows.filter((row): row is Seal => Array.isArray(row) && row.length >= 3);
}

/** The rows that a payment begins with follow from its first event: its own by digest, its hold and its place in meters in full. */
function takeFirst(
  scratch: Scratch,
  { data, payment, agent, seq, at }: EventBody & { payment: string },
  shapes: { entries: TableShape; meters: TableShape },
): void {
  const key = JSON.stringify([payment]);
  const atMs = Date.parse(at);
  put(scratch, ['payments', key, String(data.row), ''], seq);
  const putRow = (shape: TableShape, rowKey: string, row: StoredRow): void =>
    put(scratch, [shape.table, rowKey, rowDigest(shape.table, row, shape.sealed), columnMarks(row, shape.sealed)], seq);
  if (typeof data.entry === 'number' && typeof data.held === 'string') {
    const [free, held] = data.rail === 'x402' ? ['purse', 'purse_reserved'] : ['available', 'reserved'];
    putRow(shapes.entries, `[${data.entry}]`, {
      id: data.entry,
      kind: 'reserve',
      payment_id: payment,
      receivable_id: null,
      block_number: null,
      at: atMs,
      from_account: `${agent}:${free}`,
      to_account: `${agent}:${held}`,
      amount_micro: parseUsdc(data.held),
    });
  }
  if (Array.isArray(data.meters) && typeof data.amount === 'string') {
    putRow(shapes.meters, key, {
      payment_id: payment,
      at: atMs,
      amount_micro: parseUsdc(data.amount),
      counted: 1,
      meters_json: JSON.stringify(data.meters),
    });
  }
}
