import type { AgentId } from '../../core/ids/ids.ts';
import type { ReadTx, Store } from '../../store/store.ts';
import type { PayoutLine } from './line.ts';
import type { Warning } from './warnings.ts';

const LOOK_BACK_MS = 400 * 24 * 3_600_000;
/** Newest payouts first, until this many of their lines were compared. */
const LINES_COMPARED_MAX = 100_000;
const PAYOUTS_NAMED_MAX = 5;

type Earlier = { id: string; idempotency_key: string; total: bigint; created_at: bigint };

/**
 * Says which earlier payouts of the agent have lines that equal lines of this one: to the same payee or address, the same amount,
 * category, memo and workflow, whatever the file and the lines are called. Lines that moved nothing do not count.
 */
export async function repeatedLines(
  store: Store,
  payer: { agentId: AgentId; payoutId: string },
  lines: readonly PayoutLine[],
  atMs: number,
): Promise<Warning[]> {
  const earlier = store.read((tx) => earlierPayouts(tx, payer, atMs));
  const wanted = JSON.stringify(lines.map(comparable));
  const warnings: Warning[] = [];
  let left = LINES_COMPARED_MAX;
  for (const payout of earlier) {
    left -= Number(payout.total);
    if (left < 0 || warnings.length === PAYOUTS_NAMED_MAX) break;
    const equal = store.read((tx) => equalLines(tx, payout.id, wanted));
    if (equal > 0) warnings.push(warningOf(payout, equal, lines.length));
    await new Promise((resolve) => setImmediate(resolve));
  }
  return warnings;
}

function earlierPayouts(tx: ReadTx, payer: { agentId: AgentId; payoutId: string }, atMs: number): Earlier[] {
  return tx.all<Earlier>(
    `SELECT id, idempotency_key, total, created_at FROM payouts WHERE agent_id = ? AND id <> ? AND created_at >= ?
     ORDER BY created_at DESC, id DESC LIMIT 200`,
    payer.agentId,
    payer.payoutId,
    atMs - LOOK_BACK_MS,
  );
}

function equalLines(tx: ReadTx, payoutId: string, wanted: string): number {
  const row = tx.get<{ n: bigint }>(
    `SELECT count(*) AS n FROM payout_lines l LEFT JOIN payments p ON p.id = l.payment_id
     WHERE l.payout_id = ? AND l.refused_code IS NULL AND (p.id IS NULL OR p.state NOT IN ('denied', 'rejected', 'expired', 'failed', 'cancelled'))
       AND json_array(CAST(l.amount_micro AS TEXT), l.payee, l.address, l.category, l.memo, l.workflow)
         IN (SELECT value FROM json_each(?))`,
    payoutId,
    wanted,
  );
  return Number(row?.n ?? 0);
}

/** As the statement above writes a stored line. */
const comparable = ({ amount, payee, address, category, memo, workflow }: PayoutLine): string =>
  JSON.stringify([amount.toString(), payee, address, category, memo, workflow]);

function warningOf(payout: Earlier, equal: number, total: number): Warning {
  const day = new Date(Number(payout.created_at)).toISOString().slice(0, 10);
  const what = equal === 1 ? '1 line equals a line' : `${equal} lines equal lines`;
  return {
    code: 'repeats_payout',
    message: `Of ${total} lines here, ${what} of the payout ${payout.id} of ${day} (key ${payout.idempotency_key}). If this is the same payout, stop: it would be paid again.`,
  };
}
