import type { AgentId } from '../../core/ids/ids.ts';
import type { RowOf } from '../../store/statement.ts';
import type { Store } from '../../store/store.ts';
import type { PayoutLine } from './line.ts';
import { earlierPayouts, equalLines } from './queries.ts';
import type { Warning } from './warnings.ts';

const LOOK_BACK_MS = 400 * 24 * 3_600_000;
/** The newest payouts are compared first, up to this number of their lines. */
const LINES_COMPARED_MAX = 100_000;
const PAYOUTS_NAMED_MAX = 5;

type Earlier = RowOf<typeof earlierPayouts>;

/**
 * Finds earlier payouts of the agent with lines that equal lines of this one: the same payee or address, amount, category, memo and
 * workflow, regardless of file names and line ids. Lines that moved no money do not count.
 */
export async function repeatedLines(
  store: Store,
  payer: { agentId: AgentId; payoutId: string },
  lines: readonly PayoutLine[],
  atMs: number,
): Promise<Warning[]> {
  const { agentId: agent, payoutId: payout } = payer;
  const earlier = await store.read((tx) => tx.all(earlierPayouts, { agent, payout, since: atMs - LOOK_BACK_MS }));
  const wanted = lines.map(comparable);
  const warnings: Warning[] = [];
  let left = LINES_COMPARED_MAX;
  for (const before of earlier) {
    left -= Number(before.total);
    if (left < 0 || warnings.length === PAYOUTS_NAMED_MAX) break;
    const equal = Number((await store.read((tx) => tx.get(equalLines, { payout: before.id, wanted })))?.n ?? 0n);
    if (equal > 0) warnings.push(warningOf(before, equal, lines.length));
    await new Promise((resolve) => setImmediate(resolve));
  }
  return warnings;
}

/** In the form in which `equalLines` writes a stored line. */
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
