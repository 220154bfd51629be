import { type MicroUsdc, microUsdc } from '../money/microUsdc.ts';
import { calendarStart } from './calendar.ts';
import type { Decision } from './decision.ts';
import type { PolicyInput } from './input.ts';
import { rollingMs } from './meters.ts';
import type { Policy } from './policy.ts';

/** What would pass instead. Each was found by asking the same policy, so asking for it gives just that (facts unchanged). */
export type Hints = {
  /** The largest amount that would be allowed now. */
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

/**
 * Searches for what would pass. Bounded: at most 53 evaluations for the amount, 110 for the moment, 1 for approvals; none
 * where a reason stands that amount or time cannot change.
 */
export function findHints(policy: Policy, search: HintSearch): Hints {
  const { input, decision, inputAt } = search;
  if (decision.effect === 'allow') return { maxAmount: null, earliestAtMs: null, approvals: null };
  const stands = (rules: ReadonlySet<string>): boolean => decision.reasons.some(({ rule }) => !rules.has(rule));
  return {
    maxAmount: stands(policy.reads.amount) ? null : largestAmount(policy, input),
    earliestAtMs: inputAt === undefined || stands(policy.reads.time) ? null : earliest(policy, input.time, inputAt),
    approvals: approvalsFor(policy, input, decision),
  };
}

function allows(policy: Policy, input: PolicyInput): boolean {
  return policy.evaluate(JSON.stringify(input)).decision.effect === 'allow';
}

function largestAmount(policy: Policy, input: PolicyInput): MicroUsdc | null {
  const allowed = (amount: number): boolean => allows(policy, { ...input, payment: { ...input.payment, amount } });
  if (input.payment.amount <= 1 || !allowed(1)) return null;
  let passes = 1;
  let fails = input.payment.amount;
  while (fails - passes > 1) {
    const middle = passes + Math.floor((fails - passes) / 2);
    if (allowed(middle)) passes = middle;
    else fails = middle;
  }
  return microUsdc(BigInt(passes));
}

function earliest(policy: Policy, time: PolicyInput['time'], inputAt: (atMs: number) => PolicyInput): number | null {
  const nowMs = time.ms;
  const allowed = (atMs: number): boolean => allows(policy, inputAt(atMs));
  let fails = nowMs;
  for (const candidate of candidates(policy, time)) {
    if (!allowed(candidate)) {
      fails = candidate;
      continue;
    }
    let passes = candidate;
    while (passes - fails > MINUTE_MS) {
      const middle = fails + Math.floor((passes - fails) / 2);
      if (allowed(middle)) passes = middle;
      else fails = middle;
    }
    return passes;
  }
  return null;
}

/** Where a meter's window turns, and a grid for clocks and for what slides out of a rolling window. */
function candidates(policy: Policy, time: PolicyInput['time']): number[] {
  const turns = Object.values(policy.meters).flatMap(({ window }) => {
    if (window === 'lifetime') return [];
    if ('rolling' in window) return [time.ms + rollingMs(window.rolling)];
    const unitMs = { hour: HOUR_MS, day: DAY_MS, week: 7 * DAY_MS, month: 31 * DAY_MS, year: 366 * DAY_MS };
    // From the start of this one, a little more than its longest length is in the next one.
    const within = calendarStart(window.calendar, window.tz, time.ms) + unitMs[window.calendar] + 2 * HOUR_MS;
    return [calendarStart(window.calendar, window.tz, within)];
  });
  const grid = STEPS.map((step) => calendarStart('hour', time.zone, time.ms) + step);
  return [...new Set([...turns, ...grid])]
    .filter((at) => at > time.ms && at <= time.ms + HORIZON_MS)
    .sort((a, b) => a - b);
}

/** What the review asks for, if signatures by such people would indeed unlock it. */
function approvalsFor(policy: Policy, input: PolicyInput, decision: Decision): Hints['approvals'] {
  const { review } = decision;
  if (review === null) return null;
  const signed = Array.from({ length: review.quorum }, (_, index) => ({
    approver_id: `hint_${index}`,
    address: `0x${(index + 1).toString(16).padStart(40, '0')}`,
    roles: review.roles,
    is_sponsor: false,
  }));
  const unlocked = allows(policy, { ...input, approvals: [...input.approvals, ...signed] });
  return unlocked ? { quorum: review.quorum, roles: review.roles } : null;
}
