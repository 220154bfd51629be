import { parseUsdc } from '../../core/money/microUsdc.ts';
import { openScratch, type Scratch, scratchStatement } from '../../store/scratch.ts';
import type { ReadTx } from '../../store/store.ts';
import { columnMarks, rowDigest, type StoredRow } from './rowDigest.ts';
import type { Seal } from './rowSeals.ts';
import { shapeOf, type TableShape } from './tableShape.ts';

/** The fields of an event's body that the check reads. */
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

/** The events with which a payment begins. */
export const firstEvents: ReadonlySet<string> = new Set([
  'payment.allowed',
  'payment.denied',
  'payment.review_requested',
]);

/** The state of one row by the event log. A null digest: the row was deleted. */
export type Witness = { digest: string | null; marks: string; seq: bigint };
/** A decision that an event names, in the order of the events. */
export type NamedDecision = { n: bigint; hash: string; payment: string; at: bigint; seq: bigint };

/** The state of all rows by the event log, collected event by event; the last event of each row counts. */
export interface Evidence {
  take(body: EventBody): void;
  of(table: string, key: string): Witness | undefined;
  /** Keys of the rows of a table that must exist. */
  keysOf(table: string): Iterable<{ key: string; seq: bigint }>;
  count(table: string): bigint;
  decision(n: bigint): NamedDecision | undefined;
  decisions(): bigint;
  close(): void;
}

const putSeal = scratchStatement<{ table: string; key: string; digest: string | null; marks: string; seq: number }>()(
  (db, p) =>
    db
      .insertInto('seals')
      .values({ tbl: p.table, key: p.key, digest: p.digest, marks: p.marks, seq: p.seq })
      .onConflict((conflict) =>
        conflict.columns(['tbl', 'key']).doUpdateSet((eb) => ({
          digest: eb.ref('excluded.digest'),
          marks: eb.ref('excluded.marks'),
          seq: eb.ref('excluded.seq'),
        })),
      ),
);
const sealOf = scratchStatement<{ table: string; key: string }>()((db, p) =>
  db.selectFrom('seals').select(['digest', 'marks', 'seq']).where('tbl', '=', p.table).where('key', '=', p.key),
);
const keysSealed = scratchStatement<{ table: string }>()((db, p) =>
  db
    .selectFrom('seals')
    .select(['key', 'seq'])
    .where('tbl', '=', p.table)
    .where('digest', 'is not', null)
    .orderBy('key'),
);
const countSealed = scratchStatement<{ table: string }>()((db, p) =>
  db
    .selectFrom('seals')
    .select((eb) => eb.fn.countAll<bigint>().as('n'))
    .where('tbl', '=', p.table)
    .where('digest', 'is not', null),
);
const addDecision = scratchStatement<{ n: bigint; hash: string; payment: string; at: number; seq: number }>()((db, p) =>
  db.insertInto('decisions').values({ n: p.n, hash: p.hash, payment: p.payment, at: p.at, seq: p.seq }),
);
const decisionOf = scratchStatement<{ n: bigint }>()((db, p) =>
  db.selectFrom('decisions').selectAll().where('n', '=', p.n),
);

export async function gatherEvidence(tx: ReadTx): Promise<Evidence> {
  const scratch = openScratch();
  const shapes = {
    entries: await shapeOf(tx, 'ledger_entries', []),
    meters: await shapeOf(tx, 'meter_entries', []),
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
        scratch.run(addDecision, { n: decided, hash: data.decision_hash, payment, at: Date.parse(body.at), seq });
      }
    },
    of: (table, key) => scratch.get(sealOf, { table, key }),
    keysOf: (table) => scratch.each(keysSealed, { table }),
    count: (table) => scratch.get(countSealed, { table })?.n ?? 0n,
    decision: (n) => scratch.get(decisionOf, { n }),
    decisions: () => decided,
    close: () => scratch.close(),
  };
}

function put(scratch: Scratch, [table, key, digest, marks]: Seal, seq: number): void {
  scratch.run(putSeal, { table, key, digest, marks: marks ?? '', seq });
}

function sealsIn(data: Record<string, unknown>): Seal[] {
  if (!Array.isArray(data.rows)) return [];
  return data.rows.filter((row): row is Seal => Array.isArray(row) && row.length >= 3);
}

/** The first rows of a payment follow from its first event: its own row by digest, its hold and its meter entries in full. */
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
