import type { MeterDeclarations } from '../../books/meters/declarations.ts';
import type { MicroUsdc } from '../../core/money/microUsdc.ts';
import type { Decision } from './decision.ts';
import type { RouteInput } from './input.ts';

export interface PolicySettings {
  /** IANA zone of `input.time`. */
  readonly timezone: string;
  readonly x402: { readonly maxValiditySeconds: number; readonly floatTarget: MicroUsdc };
}

/** One payment that a revenue rule asks for. `name` is unique within the route and stays the same for the same rule. */
export type Leg = { name: string; payee: string; amount: MicroUsdc };
/** The result for one receipt: the legs, and the part that the agent keeps (micro-USDC). */
export type Route = { legs: Leg[]; keptMicro: bigint };

/**
 * A policy's answer to one input. `resultText` is hashed: it has no sentences, so that their wording may change. `failure` is the
 * error of a policy that failed: for the event log; it is not part of the decision.
 */
export type PolicyAnswer = {
  readonly decision: Decision;
  readonly resultText: string;
  readonly failure?: string;
};

/** A loaded policy (see `loadPolicy`). */
export interface Policy {
  /** `sha256:<64 hex>`: the version of the policy. */
  readonly digest: string;
  readonly meters: MeterDeclarations;
  readonly settings: PolicySettings;
  /** Tells whether a signature of the agent's own sponsor counts: `review.sponsor_may_approve` of its data. */
  readonly sponsorMayApprove: boolean;
  /** The controls whose answer may change with the amount, with time (the clock and the meters), or with the clock itself. */
  readonly reads: {
    readonly amount: ReadonlySet<string>;
    readonly time: ReadonlySet<string>;
    readonly clock?: ReadonlySet<string>;
  };
  /**
   * Takes the JSON text of a `PolicyInput`. Never throws: an error, a trap, no decision, a malformed one and exceeding the time are
   * each a deny. Answers may be shared and must not be changed.
   */
  evaluate(inputText: string): PolicyAnswer;
  /**
   * Splits earned money by the revenue rules (`data.bursar.route`). Never throws; a failure means that nothing is split. A policy
   * without that entry point keeps everything.
   */
  route(input: RouteInput): Route | { failed: string };
}
