import type { Address } from 'viem';
import { agentAccount } from '../../books/ledger/journal.ts';
import { BursarError } from '../../core/errors/base.ts';
import { type GateContext, requestPayment } from '../../decide/payments/gate.ts';
import type { Payment } from '../../decide/payments/payment.ts';
import type { Effect } from '../../decide/policy/decision.ts';
import type { RowOf } from '../../store/statement.ts';
import type { Store, Tx } from '../../store/store.ts';
import type { PayoutLine } from './line.ts';
import { lineRequest } from './paymentRequest.ts';
import type { Payout } from './payout.ts';
import { addToBalance, addToMeter, countedByPayments } from './previewQueries.ts';

/** The number of decisions in one write job, which other requests have to wait for. */
const LINES_PER_CHUNK = 100;

export type PreviewedLine = {
  line: number;
  effect: Effect;
  reason: { code: string; message: string } | null;
  address: Address | null;
  amountMicro: bigint;
  /** Needs people's signatures and is sent in a separate transaction. */
  alone: boolean;
};
type Carried = RowOf<typeof countedByPayments>;

/**
 * Shows what the gate would answer to the lines, in order. The gate itself decides: each chunk runs in a write job that is rolled
 * back at its end, and its holds and meters are written into the next chunk's job first. So a chunk counts the lines before it and
 * all other payments; nothing is stored.
 */
export async function previewLines(
  store: Store,
  payout: Pick<Payout, 'id' | 'agentId'>,
  lines: readonly (PayoutLine & { attempt: number })[],
  context: GateContext,
): Promise<PreviewedLine[]> {
  const carried = new Map<string, Carried>();
  let heldMicro = 0n;
  const previewed: PreviewedLine[] = [];
  for (let from = 0; from < lines.length; from += LINES_PER_CHUNK) {
    const part = lines.slice(from, from + LINES_PER_CHUNK);
    const chunk = await rolledBack(store, (tx) => {
      layDown(tx, payout.agentId, heldMicro, carried.values());
      const entries = part.map((line) => ({ line, ...decided(tx, payout, line, context) }));
      // A line that has a payment already is in holds and meters already.
      const made = entries.flatMap(({ payment, replayed }) => (payment && !replayed ? [payment] : []));
      const held = made.reduce((sum, payment) => sum + payment.heldMicro, 0n);
      return { entries, held, counted: countedBy(tx, made) };
    });
    heldMicro += chunk.held;
    for (const each of chunk.counted) carry(carried, each);
    previewed.push(...chunk.entries.map(({ line, payment, refused }) => lineOf(line, payment, refused)));
  }
  return previewed;
}

function decided(
  tx: Tx,
  payout: Pick<Payout, 'id' | 'agentId'>,
  line: PayoutLine & { attempt: number },
  context: GateContext,
): { payment: Payment | null; replayed: boolean; refused: BursarError | null } {
  try {
    return { ...requestPayment(tx, lineRequest(payout, line), { ...context, shadow: null }), refused: null };
  } catch (error) {
    if (!(error instanceof BursarError) || error.status >= 500) throw error;
    return { payment: null, replayed: false, refused: error };
  }
}

function lineOf({ line, amount }: PayoutLine, payment: Payment | null, refused: BursarError | null): PreviewedLine {
  const address = payment?.address ?? null;
  const alone = payment?.requiresChainApproval ?? false;
  if (!payment) {
    const reason = refused && { code: refused.code, message: refused.message };
    return { line, effect: 'deny', reason, address, amountMicro: amount, alone };
  }
  const effect = payment.state === 'denied' ? 'deny' : payment.state === 'in_review' ? 'review' : 'allow';
  const [first] = payment.reasons;
  const reason = effect === 'allow' || !first ? null : { code: first.code, message: first.message };
  return { line, effect, reason, address, amountMicro: amount, alone };
}

/** The holds and meters of the chunks before, as the gate reads them. */
function layDown(tx: Tx, agentId: string, heldMicro: bigint, carried: Iterable<Carried>): void {
  tx.run(addToBalance, { account: agentAccount(agentId, 'available'), by: -heldMicro });
  tx.run(addToBalance, { account: agentAccount(agentId, 'reserved'), by: heldMicro });
  for (const { meter, grp: group, window_start: start, total, count, last_at: last } of carried) {
    tx.run(addToMeter, { meter, group, start, total, count, last });
  }
}

/** The chunk's own additions to the meters. */
const countedBy = (tx: Tx, made: readonly Payment[]): Carried[] =>
  tx.all(countedByPayments, { payments: made.map(({ id }) => id) });

function carry(carried: Map<string, Carried>, each: Carried): void {
  const key = `${each.meter} ${each.window_start} ${each.grp}`;
  const before = carried.get(key);
  carried.set(key, before ? { ...each, total: before.total + each.total, count: before.count + each.count } : each);
}

class RolledBack<T> {
  readonly value: T;
  constructor(value: T) {
    this.value = value;
  }
}

/** Runs a write job whose savepoint is rolled back, and returns its result. */
async function rolledBack<T>(store: Store, job: (tx: Tx) => T): Promise<T> {
  try {
    return await store.write((tx): T => {
      throw new RolledBack(job(tx));
    });
  } catch (thrown) {
    if (thrown instanceof RolledBack) return thrown.value as T;
    throw thrown;
  }
}
