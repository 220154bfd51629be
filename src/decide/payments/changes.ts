import type { Decision, Effect } from '../policy/decision.ts';
import type { NewPaymentRow } from './paymentRow.ts';

/** A decision with the exact texts that it can be made again from. */
export type DecisionRow = {
  payment: string;
  hash: string;
  digest: string;
  effect: Effect;
  at: number;
  result: string;
  input: string;
};

/** What people have approved: an update of a payment under review. */
export type ApprovedRow = {
  id: string;
  nonce: bigint | null;
  requiresChainApproval: boolean;
  policyDigest: string;
  addHeldMicro: bigint;
  atMs: number;
};

/** What a candidate did with one request, as a row. `failure`: what it has thrown. */
export type Comparison = {
  shadow: number;
  payment: string;
  atMs: number;
  amountMicro: bigint;
  activeDigest: string;
  active: Decision;
  candidate: Decision;
  isSame: boolean;
  failure: string | null;
};
/** A candidate's run that ends: it was too slow. `dropped` is called once that is durable. */
export type ShadowEnded = { shadow: number; actor: string; atMs: number; reason: 'too_slow'; dropped: () => void };

/** What a group of requests changes beside ledger and meters, as rows: written once, after the whole group is decided. */
export type Changes = {
  payments: NewPaymentRow[];
  decisions: DecisionRow[];
  approved: ApprovedRow[];
  /** The next nonce of an agent's wallet. */
  nonces: Map<string, bigint>;
  /** By agent: refunds and splits that it holds, in micro-USDC. */
  passedOn: Map<string, bigint>;
  compared: Comparison[];
  shadowsEnded: ShadowEnded[];
};
export const noChanges = (): Changes => ({
  payments: [],
  decisions: [],
  approved: [],
  nonces: new Map(),
  passedOn: new Map(),
  compared: [],
  shadowsEnded: [],
});
