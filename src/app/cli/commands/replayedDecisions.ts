import type { MeterDeclarations } from '../../../books/meters/declarations.ts';
import type { EarlierPayment } from '../../../books/meters/earlierReadings.ts';
import type { MeterReading } from '../../../books/meters/meterSet.ts';
import { parseUsdc } from '../../../core/money/microUsdc.ts';
import type { Session } from '../session.ts';

const PAGE = 200;

/** As `list_decisions` gives it. */
export type StoredDecision = {
  seq: number;
  payment: string;
  at: string;
  amount: { value: string };
  policy_digest: string;
  first: boolean;
  input: string;
  result: string;
  counted: boolean;
  released_at: string | null;
  settled_at: string | null;
  refund_of: string | null;
};

/** The payments' first decisions of that time or later, before that `seq`, page by page, newest first. */
export async function* firstDecisions(
  session: Session,
  { since, before }: { since: string | undefined; before: number | null },
): AsyncGenerator<StoredDecision> {
  const client = session.client();
  let cursor = before;
  do {
    const page: Record<string, unknown> = await client.call('list_decisions', {
      limit: PAGE,
      ...(since === undefined ? {} : { since }),
      ...(cursor === null ? {} : { cursor }),
    });
    for (const each of page.decisions as StoredDecision[]) if (each.first) yield each;
    cursor = page.next_cursor as number | null;
  } while (cursor !== null);
}

/** Earlier payments as meters count them, newest first, and where the list goes on. */
export type Earlier = { payments: EarlierPayment[]; seq: number };
/** `from`: payments of that time (epoch ms) or before are not all counted; null where all windows were. */
export type Counts = { from: number | null; of(payment: string): Record<string, MeterReading> };

/**
 * What meters would have shown to payments, counted from payments before them: back to where the longest window of the oldest of
 * them begins, but from at most `limit` payments before `earlier`. A window that reaches further back gives no reading.
 */
export async function countEarlier(
  session: Session,
  declarations: MeterDeclarations,
  { payments, seq }: Earlier,
  { wanted, limit }: { wanted: ReadonlyMap<string, number>; limit: number },
): Promise<Counts> {
  const { earlierReadings, longestReach } = await import('../../../books/meters/earlierReadings.ts');
  const { windowStart } = await import('../../../books/meters/declarations.ts');
  const all = [...payments];
  const since = new Date(longestReach(declarations, Math.min(...wanted.values()))).toISOString();
  let from: number | null = null;
  for await (const each of firstDecisions(session, { since, before: seq })) {
    if (all.length === payments.length + limit) {
      from = all.at(-1)?.atMs ?? null;
      break;
    }
    all.push(await earlierPayment(each));
  }
  const readings = earlierReadings(declarations, all.reverse(), (id) => wanted.has(id));
  const isWhole = (name: string, atMs: number): boolean => {
    const declaration = declarations[name];
    return declaration !== undefined && (from === null || windowStart(declaration.window, atMs) > from);
  };
  return {
    from,
    of: (payment) =>
      Object.fromEntries(
        Object.entries(readings.get(payment) ?? {}).filter(([name]) => isWhole(name, wanted.get(payment) ?? 0)),
      ),
  };
}

export async function earlierPayment(stored: StoredDecision): Promise<EarlierPayment> {
  const { subjectOfInput } = await import('../../../decide/policy/candidate.ts');
  const input = JSON.parse(stored.input) as Parameters<typeof subjectOfInput>[0];
  const ms = (time: string | null): number | null => (time === null ? null : Date.parse(time));
  return {
    id: stored.payment,
    subject: subjectOfInput(input),
    amountMicro: parseUsdc(stored.amount.value),
    atMs: input.time.ms,
    isCounted: stored.counted,
    releasedAtMs: ms(stored.released_at),
    settledAtMs: ms(stored.settled_at),
    refundOf: stored.refund_of,
  };
}
