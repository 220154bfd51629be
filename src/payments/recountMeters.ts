import { reaching, recountPayment, recountRefund } from '../ledger/recount.ts';
import { type MeterDeclarations, windowStart } from '../policy/meters.ts';
import type { Tx } from '../store/store.ts';

type Row = {
  id: string;
  agent_id: string;
  sponsor_id: string;
  workflow_id: string | null;
  payee_id: string | null;
  kind: string;
  chain_id: bigint;
  address: string;
  host: string | null;
  category: string | null;
  amount_micro: bigint;
  created_at: bigint;
};

/** Read at a time: bounds the memory, not the transaction. */
const PAGE = 5_000;

/**
 * Makes meters that were not counted by so far, or by other rules, say what they would say had they always been: a budget that a
 * new policy brings starts with what was spent in its window already. Every payment that holds or moved money counts at its
 * own time; refunds follow as each meter declares, save that a meter which never knew a payment gets nothing back of it.
 * Gives how many payments were counted anew.
 */
export function recountMeters(tx: Tx, declarations: MeterDeclarations, nowMs: number): number {
  const starts = Object.values(declarations).map(({ window }) => windowStart(window, nowMs));
  if (starts.length === 0) return 0;
  const since = Math.min(...starts);
  let counted = 0;
  let after = '';
  for (;;) {
    // Ids are in order of time.
    const rows = tx.all<Row>(
      `SELECT id, agent_id, sponsor_id, workflow_id, payee_id, kind, chain_id, address, host, category, amount_micro, created_at
       FROM payments WHERE id > ? AND created_at >= ?
         AND state IN ('in_review', 'authorized', 'submitted', 'settled', 'final') ORDER BY id LIMIT ?`,
      after,
      since,
      PAGE,
    );
    for (const row of rows) recountOne(tx, declarations, row, nowMs);
    counted += rows.length;
    const last = rows.at(-1);
    if (!last) break;
    after = last.id;
  }
  recountRefunds(tx, declarations, since, nowMs);
  return counted;
}

function recountOne(tx: Tx, declarations: MeterDeclarations, row: Row, nowMs: number): void {
  const atMs = Number(row.created_at);
  const subject = {
    agent: row.agent_id,
    sponsor: row.sponsor_id,
    workflow: row.workflow_id,
    payee: row.payee_id,
    address: row.address,
    category: row.category,
    kind: row.kind,
    asset: 'USDC',
    network: `eip155:${row.chain_id}`,
    host: row.host,
  };
  const payment = { id: row.id, amountMicro: row.amount_micro };
  recountPayment(tx, reaching(declarations, atMs, nowMs), subject, payment, atMs);
}

function recountRefunds(tx: Tx, declarations: MeterDeclarations, since: number, nowMs: number): void {
  const refunds = tx.all<{ id: string; refund_of: string; amount_micro: bigint; settled_at: bigint; made_at: bigint }>(
    `SELECT r.id, r.refund_of, r.amount_micro, r.settled_at, o.created_at AS made_at
     FROM payments r JOIN payments o ON o.id = r.refund_of
     WHERE r.refund_of IS NOT NULL AND r.state IN ('settled', 'final') AND max(o.created_at, r.settled_at) >= ?
     ORDER BY r.settled_at, r.id`,
    since,
  );
  for (const { id, refund_of: originalId, amount_micro: amountMicro, settled_at, made_at } of refunds) {
    // One that arrived in a window makes room in it (`current`) though its original is older: no longer, where the rules say so.
    const mine = reaching(declarations, Math.max(Number(made_at), Number(settled_at)), nowMs);
    recountRefund(tx, mine, { id, originalId, amountMicro }, Number(settled_at));
  }
}
