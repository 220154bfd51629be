import { fromUUIDBytes } from 'typeid-js';
import type { SqlValue, Tx } from '../../src/store/store.ts';

/** The id of the nth payment of a millisecond. */
export function idAt(ms: number, n = 0): string {
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(ms) << 16n);
  view.setUint32(12, n);
  return fromUUIDBytes('pay', bytes).toString();
}

/** Copies of a stored payment as rows of the table alone, in bulk: for lists and reports, not for the books. */
export function copyPayment(tx: Tx, id: string, changes: Iterable<Record<string, SqlValue> & { id: string }>): void {
  const row = tx.get<Record<string, SqlValue>>('SELECT * FROM payments WHERE id = ?', id);
  if (!row) throw new Error('There is no payment to copy.');
  const names = Object.keys(row);
  const sql = `INSERT INTO payments (${names.join(', ')}) VALUES (${names.map(() => '?').join(', ')})`;
  for (const change of changes) {
    const copy: Record<string, SqlValue> = { ...row, chain_key: change.id, idempotency_key: change.id, ...change };
    tx.run(sql, ...names.map((name) => copy[name] ?? null));
  }
}
