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
/** What becomes of one receipt: the legs, and what the agent keeps of it (micro-USDC). */
export type Route = { legs: Leg[]; keptMicro: bigint };

/**
 * What a policy says of one input. `resultText` is what is hashed: without sentences, so that their wording may change. `failure`
 * says what a policy that failed has thrown: for the event log; it is not part of the decision.
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
  /** Whether a signature of the agent's own sponsor counts: `review.sponsor_may_approve` of its data. */
  readonly sponsorMayApprove: boolean;
  /** The controls whose answer may change with the amount, with time (the clock and the meters), or with the clock itself. */
  readonly reads: {
    readonly amount: ReadonlySet<string>;
    readonly time: ReadonlySet<string>;
    readonly clock?: ReadonlySet<string>;
  };
  /**
   * Takes the JSON text of a `PolicyInput`. Never throws: an error, a trap, no decision, nonsense and too slow are each a
   * deny. An answer may be shared: nobody changes it.
   */
  evaluate(inputText: string): PolicyAnswer;
  /**
   * Where earned money goes, by the revenue rules (`data.bursar.route`). Never throws; a failure means that nothing is split. A
   * policy without that entry point keeps everything.
   */
  route(input: RouteInput): Route | { failed: string };
}
