import { mapInOrder } from '../../core/inOrder.ts';
import { formatUsdc } from '../../core/money/microUsdc.ts';
import type { None, Statement } from '../../store/statement.ts';
import type { ReadTx } from '../../store/store.ts';
import {
  balancesUnlikePostings,
  gapsInEntries,
  holdingStates,
  idleHolds,
  NAMED,
  oddEntries,
  oddHistory,
  oddNonces,
  partialHolds,
  reservesUnlikeHolds,
  settledWithoutEvent,
  settledWithoutTransfer,
  transfersWithoutMatch,
} from './bookQueries.ts';
import { countedUnlikePayments, metersWithOtherLast, oddMeters, uncountedInside } from './meterCheckQueries.ts';
import { oddEarnings, oddInvoices, refundsAboveReceipts } from './receivedCheckQueries.ts';

export { holdingStates };

/** A condition that the books must meet. `detail`: a sentence, with the violations if there are any. */
export type Check = { name: string; ok: boolean; detail: string };

/** A statement that finds violations; `say` turns one row into a clause of the sentence. */
type Rule = { name: string; holds: string; clauses: (tx: ReadTx) => Promise<string[]> };

const rule = <R>(of: { name: string; holds: string; found: Statement<None, R>; say: (row: R) => string }): Rule => ({
  name: of.name,
  holds: of.holds,
  clauses: async (tx) => (await tx.all(of.found)).map(of.say),
});

const usdc = (value: bigint | null): string => (typeof value === 'bigint' ? formatUsdc(value) : '0.00');

const rules: readonly Rule[] = [
  rule({
    // One row holds both sides, so it only remains to prove that it has two accounts.
    name: 'entries_balance',
    holds: 'Every entry takes an amount from one account and puts it into another.',
    found: oddEntries,
    say: (row) => `entry ${row.id} moves ${usdc(row.amount_micro)} from "${row.from_account}" to "${row.to_account}"`,
  }),
  rule({
    name: 'entries_are_numbered',
    holds: 'Entries are numbered from 1 without a gap.',
    found: gapsInEntries,
    say: (row) => `there are ${row.n} entries and the last is ${row.last}`,
  }),
  rule({
    name: 'balances_match_postings',
    holds: 'Every balance is the sum of its postings.',
    found: balancesUnlikePostings,
    say: (row) => `${row.account} stands at ${usdc(row.balance)} and its postings sum to ${usdc(row.posted)}`,
  }),
  rule({
    name: 'holds_match_reserved',
    holds: 'What payments hold is what stands in reserved accounts.',
    found: reservesUnlikeHolds,
    say: (row) => `${row.account} stands at ${usdc(row.reserved)} and payments hold ${usdc(row.held)}`,
  }),
  rule({
    name: 'idle_payments_hold_nothing',
    holds: 'Payments that are over or were never allowed hold nothing.',
    found: idleHolds,
    say: (row) => `${row.id} is ${row.state} and holds ${usdc(row.held_micro)}`,
  }),
  rule({
    name: 'waiting_payments_are_held',
    holds: 'Payments that may still be paid hold their whole amount, save a purchase that waits for its top-up.',
    found: partialHolds,
    say: (row) => `${row.id} is ${row.state} and holds ${usdc(row.held_micro)} of ${usdc(row.amount_micro)}`,
  }),
  rule({
    name: 'meters_match_entries',
    holds: 'Every meter is the sum of the payments that count in it.',
    found: oddMeters,
    say: (row) =>
      `meter ${row.meter ?? row.id} (${readable(row.grp)}) shows ${usdc(row.total)} in ${row.n} and its entries are ${usdc(row.entries)} in ${row.m}`,
  }),
  rule({
    name: 'meters_know_their_last',
    holds: 'Every meter was last counted in at the time of its newest payment, or of one that was released.',
    found: metersWithOtherLast,
    say: (row) =>
      `meter ${row.meter} (${readable(row.grp)}) was last counted in at ${row.last_at} and its newest payment is of ${row.at}`,
  }),
  rule({
    name: 'nonces_follow_payments',
    holds: 'Every wallet pays next with the nonce after its last one, or with a later one that a recovery gave it.',
    found: oddNonces,
    say: (row) => `the wallet of ${row.agent_id} pays next with nonce ${row.next_nonce} and its last was ${row.last}`,
  }),
  rule({
    name: 'rolling_entries_count',
    holds: 'What is inside a rolling window is an entry that counts there.',
    found: uncountedInside,
    say: (row) => `${row.payment_id} is inside a rolling window and does not count there`,
  }),
  rule({
    name: 'counted_payments_are_live',
    holds: 'What counts in meters are payments that hold their money or have settled, for their own amount.',
    found: countedUnlikePayments,
    say: (row) => `${row.payment_id} counts with ${usdc(row.amount_micro)} and is ${row.state ?? 'not there'}`,
  }),
  rule({
    name: 'earnings_match_receivables',
    holds: 'What agents earned and passed on is the sum of their receivables, and of their refunds and splits.',
    found: oddEarnings,
    say: (row) =>
      `${row.agent} shows ${usdc(row.received)} earned and ${usdc(row.passed)} passed on, and it was ${usdc(row.booked)} and ${usdc(row.paid)}`,
  }),
  rule({
    name: 'invoices_match_receivables',
    holds: 'What has come for an invoice is the sum of its receivables.',
    found: oddInvoices,
    say: (row) => `${row.id} shows ${usdc(row.shown)} received and ${usdc(row.came)} came`,
  }),
  rule({
    name: 'refunds_within_receipts',
    holds: 'No receivable is refunded above what was received.',
    found: refundsAboveReceipts,
    say: (row) => `${row.id} brought ${usdc(row.received)} and ${usdc(row.refunded)} were refunded`,
  }),
  rule({
    name: 'history_matches_payments',
    holds: 'What agents paid to a payee, an address or a host before is what their settled payments say.',
    found: oddHistory,
    say: (row) =>
      row.stored === 1n
        ? `the history of ${row.agent_id} with ${row.subject} is not what its settled payments say`
        : `${row.agent_id} has settled payments to ${row.subject} that its history does not show`,
  }),
  rule({
    name: 'settled_payments_have_one_transfer',
    holds: 'Every settled payment has exactly one transfer, at the log it names.',
    found: settledWithoutTransfer,
    say: (row) => `${row.id} is ${row.state} with ${row.n} transfers, ${row.same ?? 0n} of them at its log`,
  }),
  rule({
    // If the end of the event chain is cut off, its hashes still agree.
    name: 'settled_payments_have_events',
    holds: 'Every settled payment has the event that says so, and every final one its own.',
    found: settledWithoutEvent,
    say: (row) => `${row.id} is ${row.state} and no event says so`,
  }),
  rule({
    name: 'matched_transfers_have_their_match',
    holds: 'Every matched transfer has its payment or receivable, in the same state.',
    found: transfersWithoutMatch,
    say: (row) => `log ${row.log_index} of ${row.tx_hash} names ${row.match_kind} ${row.match_id}, which is not so`,
  }),
];

/** Runs all checks of the books that need no chain. */
export async function bookChecks(tx: ReadTx): Promise<Check[]> {
  return mapInOrder(rules, (rule) => checkRule(tx, rule));
}

/** The same, with a pause after each rule. */
export async function checkBooks(tx: ReadTx, pause: () => Promise<void>): Promise<Check[]> {
  const checks: Check[] = [];
  for (const rule of rules) {
    checks.push(await checkRule(tx, rule));
    await pause();
  }
  return checks;
}

async function checkRule(tx: ReadTx, { name, holds, clauses }: Rule): Promise<Check> {
  let found: string[];
  try {
    found = await clauses(tx);
  } catch (error) {
    // A row that a rule cannot read, for example because its JSON is malformed.
    return {
      name,
      ok: false,
      detail: `Cannot be checked: "${holds}" ${error instanceof Error ? error.message : error}.`,
    };
  }
  if (found.length === 0) return { name, ok: true, detail: holds };
  const named = found.slice(0, NAMED).join('; ');
  return { name, ok: false, detail: `Not so: "${holds}" ${named}${found.length > NAMED ? '; and more' : ''}.` };
}

/** A meter's group as readable text: a control character separates its values. */
function readable(group: string | null): string {
  return String(group ?? '')
    .split('\u001f')
    .filter((part) => part !== '')
    .join(', ');
}
