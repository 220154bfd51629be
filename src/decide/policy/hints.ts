import { calendarStart } from '../../books/meters/calendar.ts';
import { rollingMs } from '../../books/meters/declarations.ts';
import { type MicroUsdc, microUsdc } from '../../core/money/microUsdc.ts';
import type { Decision } from './decision.ts';
import type { PolicyInput } from './input.ts';
import { largestBelow } from './largest.ts';
import type { Policy } from './policy.ts';

/** What would pass instead. Each was found by asking the same policy, so asking for it gives just that (facts unchanged). */
export type Hints = {
  /** The largest amount that would be allowed now; of a policy that names no figures, to a millionth of it. */
  maxAmount: MicroUsdc | null;
  /** The earliest moment at which the payment would be allowed, to the minute, within 31 days. */
  earliestAtMs: number | null;
  /** The signatures that would unlock it. */
  approvals: { quorum: number; roles: string[] } | null;
};

export type HintSearch = {
  /** The input as it was decided. */
  input: PolicyInput;
  decision: Decision;
  /** The input as it would be then: time and meters moved on, all else the same. Without it no moment is searched. */
  inputAt?: (atMs: number) => PolicyInput;
  /** Moments at which enough may have left a rolling window. */
  leaves?: readonly number[];
  /** Told at each evaluation. */
  onEvaluation?: () => void;
};

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
/** Every four hours for eight days finds the next working day; then daily. */
const STEPS = [
  ...Array.from({ length: 48 }, (_, index) => (index + 1) * 4 * HOUR_MS),
  ...Array.from({ length: 23 }, (_, index) => (index + 9) * DAY_MS),
];
const HORIZON_MS = 31 * DAY_MS;
/** Questions for an amount where no reason names figures. */
const AMOUNT_MAX = 28;

/** `evaluate` is the policy's, counted. */
type Asking = { policy: Policy; evaluate: (input: PolicyInput) => Decision };

/**
 * Searches for what would pass. Bounded: at most 36 evaluations for the amount, 120 for the moment, 1 for approvals; none where a
 * reason stands that amount or time cannot change. Where the reasons name figures and no clock stands in the way, about ten.
 */
export function findHints(policy: Policy, search: HintSearch): Hints {
  const { input, decision } = search;
  const evaluate = (asked: PolicyInput): Decision => {
    search.onEvaluation?.();
    return policy.evaluate(JSON.stringify(asked)).decision;
  };
  if (decision.effect === 'allow') return { maxAmount: null, earliestAtMs: null, approvals: null };
  const asking = { policy, evaluate };
  const stands = (rules: ReadonlySet<string>): boolean => decision.reasons.some(({ rule }) => !rules.has(rule));
  const maxAmount = stands(policy.reads.amount) ? null : largestAmount(asking, input, decision);
  const earliestAtMs = stands(policy.reads.time) ? null : earliest(asking, search);
  return { maxAmount, earliestAtMs, approvals: approvalsFor(asking, input, decision) };
}

function largestAmount({ evaluate }: Asking, input: PolicyInput, decision: Decision): MicroUsdc | null {
  const ask = (amount: number) => {
    const { effect, reasons } = evaluate({ ...input, payment: { ...input.payment, amount } });
    return { passes: effect === 'allow', reasons };
  };
  const found = largestBelow({ amount: input.payment.amount, reasons: decision.reasons }, ask, AMOUNT_MAX);
  return found === 0 ? null : microUsdc(BigInt(found));
}

function earliest(asking: Asking, { input, decision, inputAt, leaves = [] }: HintSearch): number | null {
  if (inputAt === undefined) return null;
  const { policy, evaluate } = asking;
  const nowMs = input.time.ms;
  const rules = new Set(decision.reasons.map(({ rule }) => rule));
  const allowed = (atMs: number): boolean => evaluate(inputAt(atMs)).effect === 'allow';
  // What only meters stand against gets no worse with time: their moments are few, and the search goes by halves.
  const { clock } = policy.reads;
  const isByMeters = clock !== undefined && [...rules].every((rule) => !clock.has(rule));
  if (!isByMeters) return onGrid(nowMs, candidates(policy, input.time), allowed);
  const isLetGo = (atMs: number): boolean => {
    const { effect, reasons } = evaluate(inputAt(atMs));
    return effect === 'allow' || !reasons.some(({ rule }) => rules.has(rule));
  };
  const turns = [...leaves, ...turnsOf(policy, input.time), nowMs + HORIZON_MS];
  const letGoAt = firstOf(nowMs, ordered(turns, nowMs), isLetGo);
  if (letGoAt === null || allowed(letGoAt)) return letGoAt;
  // Another control, which looks at the clock, stands in the way then: from that moment on as for any clock.
  return onGrid(letGoAt, gridFrom(letGoAt, input.time.zone, nowMs), allowed);
}

/** The first moment that passes, where all after one that passes do too: the given ones by halves, then to the minute. */
function firstOf(nowMs: number, moments: readonly number[], passes: (atMs: number) => boolean): number | null {
  let [low, high] = [0, moments.length - 1];
  if (high < 0 || !passes(moments[high] as number)) return null;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (passes(moments[middle] as number)) high = middle;
    else low = middle + 1;
  }
  const found = moments[high] as number;
  const before = high === 0 ? nowMs : (moments[high - 1] as number);
  if (found - MINUTE_MS <= before || !passes(found - MINUTE_MS)) return found;
  return between(before, found - MINUTE_MS, passes);
}

function between(fails: number, good: number, passes: (atMs: number) => boolean): number {
  let [low, high] = [fails, good];
  while (high - low > MINUTE_MS) {
    const middle = low + Math.floor((high - low) / 2);
    if (passes(middle)) high = middle;
    else low = middle;
  }
  return high;
}

function onGrid(fromMs: number, moments: readonly number[], passes: (atMs: number) => boolean): number | null {
  let fails = fromMs;
  for (const moment of moments) {
    if (passes(moment)) return between(fails, moment, passes);
    fails = moment;
  }
  return null;
}

/** Where a meter's window turns, and a grid for clocks. */
function candidates(policy: Policy, time: PolicyInput['time']): number[] {
  return ordered([...turnsOf(policy, time), ...gridFrom(time.ms, time.zone, time.ms)], time.ms);
}

const gridFrom = (fromMs: number, zone: string, nowMs: number): number[] =>
  STEPS.map((step) => calendarStart('hour', zone, fromMs) + step).filter(
    (at) => at > fromMs && at <= nowMs + HORIZON_MS,
  );

const ordered = (moments: readonly number[], nowMs: number): number[] =>
  [...new Set(moments)].filter((at) => at > nowMs && at <= nowMs + HORIZON_MS).sort((a, b) => a - b);

function turnsOf(policy: Policy, time: PolicyInput['time']): number[] {
  return Object.values(policy.meters).flatMap(({ window }) => {
    if (window === 'lifetime') return [];
    if ('rolling' in window) return [time.ms + rollingMs(window.rolling) + 1];
    const unitMs = { hour: HOUR_MS, day: DAY_MS, week: 7 * DAY_MS, month: 31 * DAY_MS, year: 366 * DAY_MS };
    // From the start of this one, a little more than its longest length is in the next one.
    const within = calendarStart(window.calendar, window.tz, time.ms) + unitMs[window.calendar] + 2 * HOUR_MS;
    return [calendarStart(window.calendar, window.tz, within)];
  });
}

/** What the review asks for, if signatures by such people would indeed unlock it. */
function approvalsFor({ evaluate }: Asking, input: PolicyInput, decision: Decision): Hints['approvals'] {
  const { review } = decision;
  if (review === null) return null;
  const signed = Array.from({ length: review.quorum }, (_, index) => ({
    approver_id: `hint_${index}`,
    address: `0x${(index + 1).toString(16).padStart(40, '0')}`,
    roles: [...review.roles],
    is_sponsor: false,
  }));
  const unlocked = evaluate({ ...input, approvals: [...input.approvals, ...signed] }).effect === 'allow';
  return unlocked ? { quorum: review.quorum, roles: [...review.roles] } : null;
}
