import type { PaymentId } from '../../core/ids/ids.ts';
import type { Policy } from '../policy/policy.ts';
import type { Decided } from './answer.ts';
import type { Payment } from './payment.ts';
import type { ChainFacts, PaymentRequest } from './request.ts';
import type { Stage } from './stage.ts';
import type { WorkingSet } from './workingSet.ts';

/** What a group of requests is decided by. `atMs` is the one server timestamp of all of them. */
export type Rules = {
  policy: Policy;
  chain: ChainFacts;
  atMs: number;
  /** A candidate that is asked as well and decides nothing; see `policy-versions/shadow.ts`. */
  shadow?: Shadow | null;
  /** Ids of new payments; random without it. */
  newId?: (request: PaymentRequest) => PaymentId;
};

/** One request, and the credential, approver or worker that makes it. */
export type Ask = { request: PaymentRequest; actor: string };

/** For a group of one. */
export type GateContext = Rules & { actor: string };

export interface Shadow {
  readonly seq: number;
  readonly policy: Policy;
  /** Meters that the active policy does not keep: counted in rows of their own. */
  readonly own: Stage | null;
  /** Asked on the same facts, before anything of the payment is recorded. What it gives is told once the payment is recorded. */
  ask(judge: (policy: Policy) => Decided): (set: WorkingSet, payment: Payment, active: Decided, rules: Rules) => void;
}
