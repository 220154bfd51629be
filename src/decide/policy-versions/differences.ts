import type { RowOf } from '../../store/statement.ts';
import type { ReadTx } from '../../store/store.ts';
import type { Change } from '../policy/candidate.ts';
import type { Effect, Reason, Review } from '../policy/decision.ts';
import { countsOf, differencesBefore, newestShadow, newestShadowOf } from './queries.ts';
import type { ShadowEnd } from './shadow.ts';

/** A stretch of time in which a candidate was asked. */
export type ShadowView = {
  seq: number;
  digest: string;
  startedBy: string;
  startedAtMs: number;
  ended: { reason: ShadowEnd; by: string; atMs: number } | null;
};
export type Summary = {
  decided: number;
  /** The same effect for the same reasons. */
  same: number;
  /** The same effect, for other reasons or by other people. */
  otherReasons: number;
  /** Another effect, most payments first. */
  changes: Change[];
};
type Answer = { effect: Effect; reasons: Reason[]; review: Review | null };
export type Difference = {
  seq: number;
  paymentId: string;
  agentId: string;
  atMs: number;
  amountMicro: bigint;
  activeDigest: string;
  active: Answer;
  shadow: Answer;
  /** What the candidate threw, where it failed. */
  failure: string | null;
};

/** The run with that number, or the newest one of that candidate, or of all. */
export async function findShadow(tx: ReadTx, digest: string | null): Promise<ShadowView | null> {
  const row = digest === null ? await tx.get(newestShadow) : await tx.get(newestShadowOf, { digest });
  if (!row) return null;
  return {
    seq: Number(row.seq),
    digest: row.digest,
    startedBy: row.started_by,
    startedAtMs: Number(row.started_at),
    ended: endOf(row),
  };
}

/** The three columns are written together: see `endShadow`. */
function endOf(row: RowOf<typeof newestShadow>): ShadowView['ended'] {
  if (row.ended_at === null || row.ended_by === null) return null;
  return { reason: row.end_reason as ShadowEnd, by: row.ended_by, atMs: Number(row.ended_at) };
}

/** Counted as payments come: it costs the same after a million of them. */
export async function summaryOf(tx: ReadTx, shadow: number): Promise<Summary> {
  const rows = (await tx.all(countsOf, { shadow })).map((row) => ({
    active: row.active_effect,
    shadow: row.shadow_effect,
    isSame: row.is_same === 1n,
    count: Number(row.count),
    amountMicro: row.amount_micro,
  }));
  const sum = (some: typeof rows): number => some.reduce((total, { count }) => total + count, 0);
  return {
    decided: sum(rows),
    same: sum(rows.filter(({ isSame }) => isSame)),
    otherReasons: sum(rows.filter(({ isSame, active, shadow: candidate }) => !isSame && active === candidate)),
    changes: rows
      .filter(({ active, shadow: candidate }) => active !== candidate)
      .map(({ active, shadow: candidate, count, amountMicro }) => ({ active, shadow: candidate, count, amountMicro })),
  };
}

/** Newest first. `before`: the last number of the page before. */
export async function listDifferences(
  tx: ReadTx,
  shadow: number,
  { before, limit }: { before: number | undefined; limit: number },
): Promise<Difference[]> {
  return (await tx.all(differencesBefore, { shadow, before: before ?? Number.MAX_SAFE_INTEGER, limit })).map((row) => ({
    seq: Number(row.seq),
    paymentId: row.payment_id,
    agentId: row.agent_id,
    atMs: Number(row.at),
    amountMicro: row.amount_micro,
    activeDigest: row.active_digest,
    active: answerOf(row.active_effect, row.active_reasons_json, row.active_review_json),
    shadow: answerOf(row.shadow_effect, row.shadow_reasons_json, row.shadow_review_json),
    failure: row.failure,
  }));
}

const answerOf = (effect: Effect, reasons: string, review: string | null): Answer => ({
  effect,
  reasons: JSON.parse(reasons) as Reason[],
  review: review === null ? null : (JSON.parse(review) as Review),
});
