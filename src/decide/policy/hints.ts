import { calendarStart } from '../../books/meters/calendar.ts';
import { rollingMs } from '../../books/meters/declarations.ts';
import { type MicroUsdc, microUsdc } from '../../core/money/microUsdc.ts';
import type { Decision } from './decision.ts';
import type { PolicyInput } from './input.ts';
import { largestBelow } from './largest.ts';
import type { Policy } from './policy.ts';

/**
 * Payments that would be allowed instead. Each was found by evaluating the same policy, so a request for it gets that answer while
 * the facts are unchanged.
 */
export type Hints = {
  /** The largest amount that would be allowed now; for a policy whose reasons have no values, accurate to a millionth. */
  maxAmount: MicroUsdc | null;
  /** The earliest time at which the payment would be allowed, to the minute, within 31 days. */
  earliestAtMs: number | null;
  /** The signatures that would unlock it. */
  approvals: { quorum: number; roles: string[] } | null;
};

export type HintSearch = {
  /** The input of the decision. */
  input: PolicyInput;
  decision: Decision;
  /** The input at a later time: time and meters advance, the rest is unchanged. Without it no time is searched. */
  inputAt?: (atMs: number) => PolicyInput;
  /** Times at which enough may have left a rolling window. */
  leaves?: readonly number[];
  /** Called at each evaluation. */
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
/** The number of evaluations for an amount if no reason has values. */
const AMOUNT_MAX = 28;

/** `evaluate` of the policy, with a counter. */
type Asking = { policy: Policy; evaluate: (input: PolicyInput) => Decision };

/**
 * Searches for what would be allowed. Bounded: at most 36 evaluations for the amount, 120 for the time, 1 for approvals; none if a
 * reason does not depend on amount or time. If the reasons have values and no clock is involved, about ten.
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
  // Reasons by meters only improve with time: the relevant times are few, and a binary search finds the first.
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
  // Then another control, which reads the clock, denies: from that time on the search is the one for clocks.
  return onGrid(letGoAt, gridFrom(letGoAt, input.time.zone, nowMs), allowed);
}

/** The first time that passes, if all later ones pass too: binary search over the given times, then to the minute. */
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

/** The times at which a meter's window begins, and a grid for clocks. */
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
    // An instant a little later than the longest such window after its start is in the next one.
    const within = calendarStart(window.calendar, window.tz, time.ms) + unitMs[window.calendar] + 2 * HOUR_MS;
    return [calendarStart(window.calendar, window.tz, within)];
  });
}

/** The requirements of the review, if signatures of such people would really satisfy it. */
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
