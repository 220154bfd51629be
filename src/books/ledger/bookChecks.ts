import { formatUsdc } from '../../core/money/microUsdc.ts';
import type { ReadTx, SqlValue } from '../../store/store.ts';
import { ROLLING } from '../meters/meterRows.ts';
import { historyOf } from './settledHistory.ts';

/** One thing that must hold. `detail`: a sentence, with what was found where it does not. */
export type Check = { name: string; ok: boolean; detail: string };

/** A query that finds what must not be; `say` makes one row a clause of the sentence. */
type Rule = {
  name: string;
  holds: string;
  sql: string;
  say: (row: Record<string, SqlValue>) => string;
};

/** As `holdsMoney` of the state table says; a test holds the two together, since the ledger does not know of payments' rules. */
export const holdingStates = ['in_review', 'authorized', 'submitted'] as const;
const holding = holdingStates.map((state) => `'${state}'`).join(', ');
const usdc = (value: SqlValue | undefined): string => (typeof value === 'bigint' ? formatUsdc(value) : '0.00');
/** Rows named in one sentence. */
const NAMED = 5;

const rules: readonly Rule[] = [
  {
    // One row is both sides, so what is left to prove is that it has two of them.
    name: 'entries_balance',
    holds: 'Every entry takes an amount from one account and puts it into another.',
    sql: `SELECT id, amount_micro, from_account, to_account FROM ledger_entries
      WHERE NOT (amount_micro > 0 AND from_account <> to_account AND from_account <> '' AND to_account <> '')`,
    say: (row) => `entry ${row.id} moves ${usdc(row.amount_micro)} from "${row.from_account}" to "${row.to_account}"`,
  },
  {
    name: 'entries_are_numbered',
    holds: 'Entries are numbered from 1 without a gap.',
    sql: 'SELECT count(*) AS n, max(id) AS last FROM ledger_entries HAVING last <> n OR min(id) <> 1',
    say: (row) => `there are ${row.n} entries and the last is ${row.last}`,
  },
  {
    name: 'balances_match_postings',
    holds: 'Every balance is the sum of its postings.',
    sql: `SELECT account, sum(balance) AS balance, sum(posted) AS posted FROM (
        SELECT account, amount_micro AS balance, 0 AS posted FROM balances
        UNION ALL SELECT account, 0, amount_micro FROM postings)
      GROUP BY account HAVING sum(balance) <> sum(posted)
      UNION ALL SELECT account, amount_micro, 0 FROM balances WHERE account NOT IN (SELECT account FROM postings)
      UNION ALL SELECT account, 0, 0 FROM postings WHERE account NOT IN (SELECT account FROM balances)`,
    say: (row) => `${row.account} stands at ${usdc(row.balance)} and its postings sum to ${usdc(row.posted)}`,
  },
  {
    name: 'holds_match_reserved',
    holds: 'What payments hold is what stands in reserved accounts.',
    sql: `SELECT account, sum(held) AS held, sum(reserved) AS reserved FROM (
        SELECT agent_id || CASE rail WHEN 'wallet' THEN ':reserved' ELSE ':purse_reserved' END AS account, held_micro AS held, 0 AS reserved
          FROM payments WHERE held_micro <> 0
        UNION ALL SELECT account, 0, amount_micro FROM balances WHERE account LIKE '%:reserved' OR account LIKE '%:purse_reserved')
      GROUP BY account HAVING sum(held) <> sum(reserved)`,
    say: (row) => `${row.account} stands at ${usdc(row.reserved)} and payments hold ${usdc(row.held)}`,
  },
  {
    name: 'idle_payments_hold_nothing',
    holds: 'Payments that are over or were never allowed hold nothing.',
    sql: `SELECT id, state, held_micro FROM payments WHERE held_micro <> 0 AND state NOT IN (${holding})`,
    say: (row) => `${row.id} is ${row.state} and holds ${usdc(row.held_micro)}`,
  },
  {
    name: 'waiting_payments_are_held',
    holds: 'Payments that may still be paid hold their whole amount, save a purchase that waits for its top-up.',
    sql: `SELECT id, state, held_micro, amount_micro FROM payments WHERE held_micro <> amount_micro
      AND (state = 'submitted' OR (rail = 'wallet' AND state IN ('in_review', 'authorized')))`,
    say: (row) => `${row.id} is ${row.state} and holds ${usdc(row.held_micro)} of ${usdc(row.amount_micro)}`,
  },
  {
    name: 'meters_match_entries',
    holds: 'Every meter is the sum of the payments that count in it.',
    sql: `SELECT m.meter, m.grp, s.id, sum(s.total) AS total, sum(s.n) AS n, sum(s.entries) AS entries, sum(s.m) AS m FROM (
        SELECT id, total_micro AS total, count AS n, 0 AS entries, 0 AS m FROM meters
        UNION ALL SELECT j.value, 0, 0, e.amount_micro, e.counted FROM meter_entries e, json_each(e.meters_json) j
          LEFT JOIN meters w ON w.id = j.value WHERE j.type = 'integer' AND w.window_start IS NOT ${ROLLING}
        UNION ALL SELECT meter_id, 0, 0, amount_micro, counted FROM meter_rolling) s LEFT JOIN meters m ON m.id = s.id
      GROUP BY s.id HAVING sum(s.total) <> sum(s.entries) OR sum(s.n) <> sum(s.m)`,
    say: (row) =>
      `meter ${row.meter ?? row.id} (${readable(row.grp)}) shows ${usdc(row.total)} in ${row.n} and its entries are ${usdc(row.entries)} in ${row.m}`,
  },
  {
    name: 'meters_know_their_last',
    holds: 'Every meter was last counted in at the time of its newest payment, or of one that was released.',
    sql: `SELECT m.meter, m.grp, m.last_at, e.at FROM meters m LEFT JOIN (
        SELECT j.id, max(j.at) AS at FROM (
          SELECT CASE v.type WHEN 'array' THEN json_extract(v.value, '$[0]') ELSE v.value END AS id,
            CASE v.type WHEN 'array' THEN json_extract(v.value, '$[1]') ELSE e.at END AS at
          FROM meter_entries e, json_each(e.meters_json) v WHERE e.counted = 1) j GROUP BY j.id) e ON e.id = m.id
      WHERE m.last_at IS NOT e.at AND NOT (m.last_at IS NOT NULL AND m.last_at > coalesce(e.at, -1) AND m.last_at IN (SELECT created_at FROM payments))`,
    say: (row) =>
      `meter ${row.meter} (${readable(row.grp)}) was last counted in at ${row.last_at} and its newest payment is of ${row.at}`,
  },
  {
    name: 'nonces_follow_payments',
    holds: 'Every wallet pays next with the nonce after its last one, or with a later one that a recovery gave it.',
    // A nonce is an epoch and an index; a recovery goes on at a multiple of 128.
    sql: `SELECT w.agent_id, w.next_nonce, n.last FROM wallets w LEFT JOIN (
        SELECT agent_id, chain_id, wallet_nonce >> 32 AS epoch, max(wallet_nonce) AS last FROM payments GROUP BY 1, 2, 3) n
        ON n.agent_id = w.agent_id AND n.chain_id = w.chain_id AND n.epoch = w.next_nonce >> 32
      WHERE w.next_nonce <> coalesce(n.last + 1, 0) AND NOT (w.next_nonce > coalesce(n.last, 0) AND w.next_nonce % 128 = 0)`,
    say: (row) => `the wallet of ${row.agent_id} pays next with nonce ${row.next_nonce} and its last was ${row.last}`,
  },
  {
    name: 'rolling_entries_count',
    holds: 'What is inside a rolling window is an entry that counts there.',
    sql: `SELECT r.payment_id FROM meter_rolling r WHERE NOT EXISTS (
        SELECT 1 FROM meters m, meter_entries e, json_each(e.meters_json) j
        WHERE m.id = r.meter_id AND m.meter = r.meter AND m.window_start = ${ROLLING}
          AND e.payment_id = r.payment_id AND e.amount_micro = r.amount_micro AND e.counted = r.counted
          AND (j.value = r.meter_id AND e.at = r.at OR j.type = 'array' AND j.value = json_array(r.meter_id, r.at)))`,
    say: (row) => `${row.payment_id} is inside a rolling window and does not count there`,
  },
  {
    name: 'counted_payments_are_live',
    holds: 'What counts in meters are payments that hold their money or have settled, for their own amount.',
    sql: `SELECT e.payment_id, e.amount_micro, p.state FROM meter_entries e LEFT JOIN payments p ON p.id = e.payment_id
      WHERE e.counted = 1 AND NOT coalesce(p.amount_micro = e.amount_micro AND p.state IN (${holding}, 'settled', 'final'), 0)`,
    say: (row) => `${row.payment_id} counts with ${usdc(row.amount_micro)} and is ${row.state ?? 'not there'}`,
  },
  {
    name: 'earnings_match_receivables',
    holds: 'What agents earned and passed on is the sum of their receivables, and of their refunds and splits.',
    sql: `SELECT agent, sum(received) AS received, sum(booked) AS booked, sum(passed) AS passed, sum(paid) AS paid FROM (
        SELECT agent_id AS agent, received_micro AS received, 0 AS booked, passed_on_micro AS passed, 0 AS paid FROM earnings
        UNION ALL SELECT agent_id, 0, amount_micro, 0, 0 FROM receivables
          WHERE state <> 'orphaned' AND kind IN ('agent_payment', 'x402_sale', 'invoice')
        UNION ALL SELECT agent_id, 0, 0, 0, amount_micro FROM payments
          WHERE kind IN ('refund', 'split') AND state IN (${holding}, 'settled', 'final'))
      GROUP BY agent HAVING sum(received) <> sum(booked) OR sum(passed) <> sum(paid)`,
    say: (row) =>
      `${row.agent} shows ${usdc(row.received)} earned and ${usdc(row.passed)} passed on, and it was ${usdc(row.booked)} and ${usdc(row.paid)}`,
  },
  {
    name: 'invoices_match_receivables',
    holds: 'What has come for an invoice is the sum of its receivables.',
    sql: `SELECT i.id, i.received_micro AS shown, coalesce(sum(r.amount_micro), 0) AS came FROM invoices i
      LEFT JOIN receivables r ON r.invoice_id = i.id AND r.state <> 'orphaned' GROUP BY i.id HAVING shown <> came`,
    say: (row) => `${row.id} shows ${usdc(row.shown)} received and ${usdc(row.came)} came`,
  },
  {
    name: 'refunds_within_receipts',
    holds: 'No receivable is refunded above what was received.',
    sql: `SELECT r.id, r.amount_micro AS received, sum(p.amount_micro) AS refunded FROM receivables r
      JOIN payments p ON p.receivable_id = r.id AND p.kind = 'refund' AND p.state IN (${holding}, 'settled', 'final')
      GROUP BY r.id HAVING refunded > received`,
    say: (row) => `${row.id} brought ${usdc(row.received)} and ${usdc(row.refunded)} were refunded`,
  },
  {
    name: 'history_matches_payments',
    holds: 'What agents paid to a payee, an address or a host before is what their settled payments say.',
    sql: `SELECT agent_id, subject, sum(settled_count * side) AS count, max(stored) AS stored FROM (
        SELECT agent_id, subject, last_address, last_amount_micro, max_amount_micro, last_at, settled_count, 1 AS side, 1 AS stored FROM payment_history
        UNION ALL SELECT agent_id, subject, last_address, last_amount_micro, max_amount_micro, last_at, settled_count, -1, 0 FROM (${historyOf('')}))
      GROUP BY agent_id, subject, last_address, last_amount_micro, max_amount_micro, last_at, settled_count HAVING count(*) <> 2`,
    say: (row) =>
      row.stored === 1n
        ? `the history of ${row.agent_id} with ${row.subject} is not what its settled payments say`
        : `${row.agent_id} has settled payments to ${row.subject} that its history does not show`,
  },
  {
    name: 'settled_payments_have_one_transfer',
    holds: 'Every settled payment has exactly one transfer, at the log it names.',
    sql: `SELECT p.id, p.state, count(t.tx_hash) AS n,
        sum(t.tx_hash IS p.tx_hash AND t.log_index IS p.log_index AND t.block_hash IS p.block_hash AND t.amount_micro IS p.amount_micro) AS same
      FROM payments p LEFT JOIN transfers t ON t.match_kind = 'payment' AND t.match_id = p.id AND t.state <> 'orphaned'
      WHERE p.state IN ('settled', 'final') GROUP BY p.id HAVING n <> 1 OR same <> 1`,
    say: (row) => `${row.id} is ${row.state} with ${row.n} transfers, ${row.same ?? 0n} of them at its log`,
  },
  {
    // The end of the event chain could be cut off and its hashes still agree.
    name: 'settled_payments_have_events',
    holds: 'Every settled payment has the event that says so, and every final one its own.',
    sql: `SELECT id, state FROM payments WHERE state IN ('settled', 'final') AND NOT EXISTS (SELECT 1 FROM events
      WHERE events.payment_id = payments.id AND type = 'payment.' || payments.state)`,
    say: (row) => `${row.id} is ${row.state} and no event says so`,
  },
  {
    name: 'matched_transfers_have_their_match',
    holds: 'Every matched transfer has its payment or receivable, in the same state.',
    sql: `SELECT t.tx_hash, t.log_index, t.match_kind, t.match_id FROM transfers t
        LEFT JOIN payments p ON t.match_kind = 'payment' AND p.id = t.match_id
        LEFT JOIN receivables r ON t.match_kind = 'receivable' AND r.id = t.match_id
      WHERE t.state <> 'orphaned' AND t.match_kind IN ('payment', 'receivable')
        AND NOT coalesce(p.state = CASE t.state WHEN 'final' THEN 'final' ELSE 'settled' END, 0) AND NOT coalesce(r.state = t.state, 0)`,
    say: (row) => `log ${row.log_index} of ${row.tx_hash} names ${row.match_kind} ${row.match_id}, which is not so`,
  },
];

/** All that the books must add up to, without a chain. */
export function bookChecks(tx: ReadTx): Check[] {
  return rules.map((rule) => checkRule(tx, rule));
}

/** The same, with a pause after each rule. */
export async function checkBooks(tx: ReadTx, pause: () => Promise<void>): Promise<Check[]> {
  const checks: Check[] = [];
  for (const rule of rules) {
    checks.push(checkRule(tx, rule));
    await pause();
  }
  return checks;
}

function checkRule(tx: ReadTx, { name, holds, sql, say }: Rule): Check {
  let rows: Record<string, SqlValue>[];
  try {
    rows = tx.all<Record<string, SqlValue>>(`${sql} LIMIT ${NAMED + 1}`);
  } catch (error) {
    // A row that a rule cannot even read, as JSON that is none.
    return {
      name,
      ok: false,
      detail: `Cannot be checked: "${holds}" ${error instanceof Error ? error.message : error}.`,
    };
  }
  if (rows.length === 0) return { name, ok: true, detail: holds };
  const named = rows.slice(0, NAMED).map(say).join('; ');
  return { name, ok: false, detail: `Not so: "${holds}" ${named}${rows.length > NAMED ? '; and more' : ''}.` };
}

/** A meter's group as people can read it: its values are kept apart by a control character. */
function readable(group: SqlValue | undefined): string {
  return String(group ?? '')
    .split('\u001f')
    .filter((part) => part !== '')
    .join(', ');
}
