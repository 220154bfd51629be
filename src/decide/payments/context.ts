import type { ReadTx, Tx } from '../../store/store.ts';
import type { Policy } from '../policy/policy.ts';
import type { Verdict } from './decide.ts';
import type { Payment } from './payment.ts';
import type { ChainFacts, PaymentRequest } from './request.ts';

/** What the gate decides with. `atMs` is the one server timestamp of the request. */
export type GateContext = {
  policy: Policy;
  chain: ChainFacts;
  actor: string;
  atMs: number;
  /** A candidate that is asked as well and decides nothing; see `shadow.ts`. */
  shadow?: Shadow | null;
};

/** Asked on the same facts, before anything of the payment is written; what it gives is told once the payment has its id. */
export interface Shadow {
  ask(tx: ReadTx, request: PaymentRequest, context: GateContext): (tx: Tx, payment: Payment, active: Verdict) => void;
}
