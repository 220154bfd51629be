import { isDeepStrictEqual } from 'node:util';
import { zonedTime } from '../../books/meters/calendar.ts';
import type { MeterDeclarations } from '../../books/meters/declarations.ts';
import type { MeterSubject } from '../../books/meters/places.ts';
import type { Decision, Effect, Reason } from './decision.ts';
import type { PolicyInput } from './input.ts';
import type { Policy } from './policy.ts';

/**
 * The meters of a candidate that another policy does not keep with the same definition, by name. Further meters of that policy do
 * not matter.
 */
export function metersUnlike(candidate: MeterDeclarations, kept: MeterDeclarations): string[] {
  return Object.keys(candidate)
    .filter((name) => !isDeepStrictEqual(candidate[name], kept[name]))
    .sort();
}

/** The stored decision and the candidate's; or the meters whose counts at that time are not known. */
export type Decided =
  | { active: Outcome; shadow: Outcome; isSame: boolean; failure: string | null }
  | { lacks: readonly string[] };

/** A decision as it was stored. `readings`: what meters that were not kept then would have shown to it. */
export type StoredDecision = { input: string; result: string; readings?: PolicyInput['meters'] };

/**
 * Decides a stored input again with a candidate, with only its own meters and the time in its own zone. `kept`: the meters of the
 * policy that had decided; what they showed stays as it was recorded. No reading is ever invented.
 */
export function decideAgain(candidate: Policy, kept: MeterDeclarations, stored: StoredDecision): Decided {
  const input = inputFor(candidate, kept, stored);
  if (typeof input !== 'string') return input;
  const { decision, failure } = candidate.evaluate(input);
  const { effect, reasons, review } = JSON.parse(stored.result) as StoredResult;
  const active: Outcome = {
    effect,
    reasons,
    review: review && { quorum: review.quorum, roles: review.roles, expiresInMs: review.expires_in_ms },
  };
  return { active, shadow: decision, isSame: isSameAnswer(active, decision), failure: failure ?? null };
}

function inputFor(
  candidate: Policy,
  kept: MeterDeclarations,
  { input: text, readings = {} }: StoredDecision,
): string | { lacks: readonly string[] } {
  const unlike = metersUnlike(candidate.meters, kept);
  const lacks = unlike.filter((name) => !Object.hasOwn(readings, name));
  if (lacks.length > 0) return { lacks };
  const input = JSON.parse(text) as PolicyInput;
  const { timezone } = candidate.settings;
  const isAsRecorded = unlike.length === 0 && metersUnlike(kept, candidate.meters).length === 0;
  if (input.time.zone === timezone && isAsRecorded) return text;
  const recorded = Object.entries(input.meters).filter(([name]) => name in candidate.meters && !unlike.includes(name));
  const meters = {
    ...Object.fromEntries(recorded),
    ...Object.fromEntries(unlike.map((name) => [name, readings[name]])),
  };
  return JSON.stringify({ ...input, time: zonedTime(input.time.ms, timezone), meters });
}

/** What a stored input's payment is counted by, as at its decision. */
export function subjectOfInput({ agent, sponsor, workflow, payee, destination, payment }: PolicyInput): MeterSubject {
  const { category, kind, asset, network, host } = payment;
  return {
    agent: agent.id,
    sponsor: sponsor.id,
    workflow: workflow?.id ?? null,
    payee: payee?.id ?? null,
    address: destination.address,
    category,
    kind,
    asset,
    network,
    host,
  };
}

/** The form that `resultTextOf` writes: without sentences. */
type StoredResult = {
  effect: Effect;
  reasons: Omit<Reason, 'message'>[];
  review: { expires_in_ms: number; quorum: number; roles: string[] } | null;
};
type Outcome = Pick<Decision, 'effect' | 'review'> & { reasons: readonly Pick<Reason, 'code' | 'rule'>[] };

/** The same effect and reason codes; and for a review the same quorum, roles and expiry. */
export function isSameAnswer(one: Outcome, other: Outcome): boolean {
  return one.effect === other.effect && reasonsOf(one) === reasonsOf(other) && peopleOf(one) === peopleOf(other);
}
const reasonsOf = ({ reasons }: Outcome): string =>
  reasons
    .map(({ code, rule }) => `${rule}:${code}`)
    .sort()
    .join();
const peopleOf = ({ review }: Outcome): string =>
  review ? JSON.stringify([review.quorum, [...review.roles].sort(), review.expiresInMs]) : '';

/** The number and sum of the payments that were decided `active` and that the candidate would have decided `shadow`. */
export type Change = { active: Effect; shadow: Effect; count: number; amountMicro: bigint };
