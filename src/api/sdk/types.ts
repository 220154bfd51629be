/**
 * The wire's documents, as far as an agent's code reads them. They stand alone, so that this package brings nothing of the
 * server along; `types.test.ts` holds them against the operations' schemas.
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
/** What would pass instead, found by asking the same policy. */
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
  /** For the PAYMENT-SIGNATURE header; null when there is nothing to present. */
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
  /** Or its value as text: `"1.25"`. */
  amount: Amount | string;
  payee?: string;
  address?: string;
  kind?: 'payout' | 'purchase' | 'transfer' | 'recurring' | 'refund';
  workflow?: string;
  run?: string;
  category?: string;
  memo?: string;
  refund_of?: string;
  /** Without an idempotency key: the same request is the same payment. To pay once more on purpose, say 2, then 3, … */
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
  /** Id or name; the key's own agent unless given. */
  agent?: string;
  payee?: string;
  category?: string;
  workflow?: string;
  kind?: 'payout' | 'purchase' | 'transfer' | 'recurring' | 'refund';
};
