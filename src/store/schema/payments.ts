import type { PaymentKind } from '../../core/payment/kinds.ts';
import type { PaymentState } from '../../core/payment/states.ts';
import type { DefaultInteger, Integer, OptionalInteger } from './columns.ts';

interface Payments {
  id: string;
  chain_key: string;
  agent_id: string;
  sponsor_id: string;
  workflow_id: string | null;
  workflow_run: string | null;
  payee_id: string | null;
  kind: PaymentKind;
  rail: 'wallet' | 'x402';
  chain_id: Integer;
  address: string;
  host: string | null;
  amount_micro: Integer;
  held_micro: Integer;
  category: string | null;
  memo: string | null;
  refund_of: string | null;
  receivable_id: string | null;
  funds_payment: string | null;
  batch_id: string | null;
  state: PaymentState;
  reasons_json: string;
  review_json: string | null;
  review_expires_at: OptionalInteger;
  policy_digest: string;
  decision_hash: string;
  wallet_nonce: OptionalInteger;
  requires_chain_approval: DefaultInteger;
  idempotency_key: string;
  body_hash: string;
  request_json: string;
  created_at: Integer;
  updated_at: Integer;
  tx_hash: string | null;
  log_index: OptionalInteger;
  block_number: OptionalInteger;
  block_hash: string | null;
  settled_at: OptionalInteger;
  mandate_id: string | null;
}

interface Payouts {
  id: string;
  agent_id: string;
  idempotency_key: string;
  content_hash: string;
  state: 'deciding' | 'decided' | 'stopped';
  asked_by: string;
  total: Integer;
  total_micro: Integer;
  created_at: Integer;
  updated_at: Integer;
}

interface PayoutLines {
  payout_id: string;
  line: Integer;
  line_id: string;
  amount_micro: Integer;
  payee: string | null;
  address: string | null;
  category: string | null;
  memo: string | null;
  workflow: string | null;
  run: string | null;
  attempt: DefaultInteger;
  payment_id: string | null;
  refused_code: string | null;
  refused_message: string | null;
}

interface Approvals {
  id: string;
  payment_id: string;
  approver_id: string;
  verdict: 'approve' | 'reject';
  signature: string;
  typed_data_json: string;
  expires_at: Integer;
  signed_at: Integer;
  reason: string | null;
  counts: DefaultInteger;
}

interface PaymentHistory {
  agent_id: string;
  subject: string;
  last_address: string;
  last_amount_micro: Integer;
  max_amount_micro: Integer;
  last_at: Integer;
  settled_count: Integer;
}

/** Payments, payouts, approvals, and the history that the next decision reads. */
export interface PaymentsTables {
  payments: Payments;
  payouts: Payouts;
  payout_lines: PayoutLines;
  approvals: Approvals;
  payment_history: PaymentHistory;
}
