import { fromUUIDBytes } from 'typeid-js';
import { paymentById } from '../../src/decide/payments/queries.ts';
import { type AnyRow, insertInto } from '../../src/store/rows.ts';
import type { Tx } from '../../src/store/store.ts';

/** The id of the nth payment of a millisecond. */
export function idAt(ms: number, n = 0): string {
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(ms) << 16n);
  view.setUint32(12, n);
  return fromUUIDBytes('pay', bytes).toString();
}

/** Copies of a stored payment as rows of the table alone, in bulk: for lists and reports, not for the books. */
export async function copyPayment(tx: Tx, id: string, changes: Iterable<AnyRow & { id: string }>): Promise<void> {
  const row = await tx.get(paymentById, { id });
  if (!row) throw new Error('There is no payment to copy.');
  const insert = insertInto('payments', Object.keys(row));
  for (const change of changes)
    await tx.run(insert, { ...row, chain_key: change.id, idempotency_key: change.id, ...change });
}
