import type { ReadTx, Tx } from '../store/store.ts';
import type { Payment } from './payment.ts';

/** What an agent's settled payments to one payee, address or host were. Amounts in micro-USDC, times epoch ms. */
export type History = {
  settled_count: number;
  last_amount: number | null;
  max_amount: number | null;
  last_at: number | null;
};
export const noHistory: History = { settled_count: 0, last_amount: null, max_amount: null, last_at: null };

type Row = {
  settled_count: bigint;
  last_amount_micro: bigint;
  max_amount_micro: bigint;
  last_at: bigint;
  last_address: string;
};

export const hostSubject = (host: string): string => `host:${host}`;

export function readHistory(tx: ReadTx, agentId: string, subject: string): (History & { last_address: string }) | null {
  const row = tx.get<Row>(
    'SELECT settled_count, last_amount_micro, max_amount_micro, last_at, last_address FROM payment_history WHERE agent_id = ? AND subject = ? AND settled_count > 0',
    agentId,
    subject,
  );
  return row
    ? {
        settled_count: Number(row.settled_count),
        last_amount: Number(row.last_amount_micro),
        max_amount: Number(row.max_amount_micro),
        last_at: Number(row.last_at),
        last_address: row.last_address,
      }
    : null;
}

/** Recorded when a payment settles, never at quote time: what was only offered teaches nothing. */
export function recordSettlement(tx: Tx, payment: Payment, atMs: number): void {
  if (payment.kind === 'top_up') return;
  for (const subject of subjectsOf(payment)) {
    tx.run(
      `INSERT INTO payment_history (agent_id, subject, last_address, last_amount_micro, max_amount_micro, last_at, settled_count)
       VALUES (?, ?, ?, ?, ?, ?, 1)
       ON CONFLICT (agent_id, subject) DO UPDATE SET last_address = excluded.last_address, last_amount_micro = excluded.last_amount_micro,
         max_amount_micro = max(max_amount_micro, excluded.max_amount_micro), last_at = excluded.last_at, settled_count = settled_count + 1`,
      payment.agentId,
      subject,
      payment.address,
      payment.amount,
      payment.amount,
      atMs,
    );
  }
}

/** After a reorg only the count goes back: a payee is known again when the payment settles anew. */
export function forgetSettlement(tx: Tx, payment: Payment): void {
  if (payment.kind === 'top_up') return;
  for (const subject of subjectsOf(payment)) {
    tx.run(
      'UPDATE payment_history SET settled_count = max(settled_count - 1, 0) WHERE agent_id = ? AND subject = ?',
      payment.agentId,
      subject,
    );
  }
}

function subjectsOf(payment: Payment): string[] {
  const subjects: string[] = [payment.address];
  if (payment.payeeId) subjects.push(payment.payeeId);
  if (payment.host) subjects.push(hostSubject(payment.host));
  return subjects;
}
