import { type MeterDeclarations, windowStart } from '../../books/meters/declarations.ts';
import type { MeterSubject } from '../../books/meters/places.ts';
import { reaching, recountPayment, recountRefund } from '../../books/meters/recount.ts';
import type { RowOf } from '../../store/statement.ts';
import type { Tx } from '../../store/store.ts';
import { countedAfter, countedStates, refundsSince } from './recountQueries.ts';

export type CountedRow = RowOf<typeof countedAfter>;

export const isCounted = (state: string): boolean => countedStates.some((each) => each === state);

/** Read at a time: bounds the memory, not the transaction. */
const PAGE = 5_000;

/** When the longest of these windows begins; null where there are none. */
export function sinceOf(declarations: MeterDeclarations, nowMs: number): number | null {
  const starts = Object.values(declarations).map(({ window }) => windowStart(window, nowMs));
  return starts.length === 0 ? null : Math.min(...starts);
}

/**
 * Backfills new or changed meters from earlier payments, in one transaction: a budget that a new policy brings starts with what was spent
 * in its window already. Every payment that holds or moved money counts at its own time; refunds follow as each meter declares, save that
 * a meter which never knew a payment gets nothing back of it. For a short history; a long one goes by pages (`stageMeters.ts`).
 * Gives how many payments were recounted.
 */
export async function recountMeters(tx: Tx, declarations: MeterDeclarations, nowMs: number): Promise<number> {
  const since = sinceOf(declarations, nowMs);
  if (since === null) return 0;
  let counted = 0;
  let after = '';
  for (;;) {
    const rows = await tx.all(countedAfter, { after, since, limit: PAGE });
    for (const row of rows) {
      const atMs = Number(row.created_at);
      const payment = { id: row.id, amountMicro: row.amount_micro, subject: subjectOf(row), atMs };
      await recountPayment(tx, reaching(declarations, atMs, nowMs), payment);
    }
    counted += rows.length;
    const last = rows.at(-1);
    if (!last) break;
    after = last.id;
  }
  await recountRefunds(tx, declarations, since, nowMs);
  return counted;
}

export function subjectOf(row: CountedRow): MeterSubject {
  return {
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
}

async function recountRefunds(tx: Tx, declarations: MeterDeclarations, since: number, nowMs: number): Promise<void> {
  const refunds = await tx.all(refundsSince, { since });
  for (const { id, refund_of: originalId, amount_micro: amountMicro, settled_at, made_at } of refunds) {
    // One that arrived in a window lowers its total (`current`) though its original is older: no longer, where the rules say so.
    const mine = reaching(declarations, Math.max(Number(made_at), Number(settled_at)), nowMs);
    await recountRefund(tx, mine, { id, originalId, amountMicro }, Number(settled_at));
  }
}
