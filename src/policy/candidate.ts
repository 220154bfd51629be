import { isDeepStrictEqual } from 'node:util';
import { zonedTime } from './calendar.ts';
import type { Decision, Effect } from './decision.ts';
import type { PolicyInput } from './input.ts';
import type { MeterDeclarations } from './meters.ts';
import type { Policy } from './policy.ts';

/** Meters of a candidate that another policy does not keep in exactly that way, by name. What else that one keeps does no harm. */
export function metersUnlike(candidate: MeterDeclarations, kept: MeterDeclarations): string[] {
  return Object.keys(candidate)
    .filter((name) => !isDeepStrictEqual(candidate[name], kept[name]))
    .sort();
}

/**
 * A stored input as the candidate would have been given it: its own meters alone, and the time in its own zone. Null where the
 * input lacks a meter, since nobody knows any more what that would have shown.
 */
export function inputFor(
  candidate: Pick<Policy, 'meters' | 'settings'>,
  kept: MeterDeclarations,
  inputText: string,
): string | null {
  if (metersUnlike(candidate.meters, kept).length > 0) return null;
  const input = JSON.parse(inputText) as PolicyInput;
  const { timezone } = candidate.settings;
  if (input.time.zone === timezone && metersUnlike(kept, candidate.meters).length === 0) return inputText;
  const meters: PolicyInput['meters'] = {};
  for (const name of Object.keys(candidate.meters)) {
    const reading = input.meters[name];
    if (reading === undefined) return null;
    meters[name] = reading;
  }
  return JSON.stringify({ ...input, time: zonedTime(input.time.ms, timezone), meters });
}

type Said = Pick<Decision, 'effect' | 'reasons' | 'review'>;

/** The same effect, for the same reasons by code; and of a review the same people for the same time. */
export function isSameAnswer(one: Said, other: Said): boolean {
  return one.effect === other.effect && reasonsOf(one) === reasonsOf(other) && peopleOf(one) === peopleOf(other);
}
const reasonsOf = ({ reasons }: Said): string =>
  reasons
    .map(({ code, rule }) => `${rule}:${code}`)
    .sort()
    .join();
const peopleOf = ({ review }: Said): string =>
  review ? JSON.stringify([review.quorum, [...review.roles].sort(), review.expiresInMs]) : '';

/** So many payments of so much were decided `active` and would have been decided `shadow`. */
export type Change = { active: Effect; shadow: Effect; count: number; amountMicro: bigint };
