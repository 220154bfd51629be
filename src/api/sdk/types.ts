/**
 * The parts of the API's documents that an agent's code reads. Nothing is imported from the server, so the package stays small;
 * `types.test.ts` compares these types with the schemas of the operations.
 */
export type Amount = { value: string; currency: 'USDC' };
export type PaymentState =
  | 'denied'
  | 'in_review'
  | 'rejected'
  | 'expired'
  | 'authorized'
  | 'submitted'
  | 'settled'
  | 'final'
  | 'failed'
  | 'cancelled';
export type Reason = {
  code: string;
  rule: string;
  message: string;
  observed?: string | number | boolean | null | undefined;
  limit?: string | number | boolean | null | undefined;
};
/** What the policy would allow instead, found by evaluating it with other amounts and times. */
export type Hints = {
  largest_amount_now: Amount | null;
  earliest_time: string | null;
  unlocked_by: { quorum: number; roles: string[] } | null;
};
export type Settlement = { tx_hash: string; log_index: number; block_number: string; settled_at: string };
export type Payment = {
  id: string;
  state: PaymentState;
  kind: string;
  rail: 'wallet' | 'x402';
  amount: Amount;
  agent: string;
  workflow: string | null;
  run: string | null;
  payee: string | null;
  address: string;
  network: string;
  host: string | null;
  reasons: Reason[];
  policy_digest: string;
  decision_hash: string;
  settlement: Settlement | null;
  created_at: string;
};
export type PaymentAnswer = Payment & { replayed: boolean; hints: Hints | null };
export type X402Answer = PaymentAnswer & {
  /** The value of the PAYMENT-SIGNATURE header; null when nothing was signed. */
  payment_signature: string | null;
  valid_before: string | null;
  next: string;
};
export type CheckAnswer = {
  effect: 'allow' | 'deny' | 'review';
  reasons: Reason[];
  policy_digest: string;
  hints: Hints | null;
};
export type MeterBudget = {
  meter: string;
  by: string[];
  spent: Amount;
  payments: number;
  /** Null: no limit, or see `needs`. */
  left: Amount | null;
  payments_left: number | null;
  resets_at: string | null;
  window: string;
  controls: string[];
  needs: string[];
};
export type Budget = {
  agent: string;
  largest_amount_now: Amount | null;
  available: Amount;
  purse: Amount;
  meters: MeterBudget[];
  ceilings: { per_payment: Amount; per_period: Amount; left_in_period: Amount | null; period_seconds: number };
};

export type PayInput = {
  /** An amount, or its value as text: `"1.25"`. */
  amount: Amount | string;
  payee?: string;
  address?: string;
  kind?: 'payout' | 'purchase' | 'transfer' | 'recurring' | 'refund';
  workflow?: string;
  run?: string;
  category?: string;
  memo?: string;
  refund_of?: string;
  /** Without an idempotency key, equal requests make one payment. To pay once more on purpose, set 2, then 3, … */
  again?: number;
};
export type X402Input = {
  url: string;
  method?: string;
  body_sha256?: string | null;
  payment_required: string | Record<string, unknown>;
  max_amount?: Amount | string;
  workflow?: string;
  run?: string;
  category?: string;
  memo?: string;
  again?: number;
};
export type BudgetInput = {
  /** Id or name; by default the agent of the API key. */
  agent?: string;
  payee?: string;
  category?: string;
  workflow?: string;
  kind?: 'payout' | 'purchase' | 'transfer' | 'recurring' | 'refund';
};
