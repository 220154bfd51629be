import type { Address, Hex } from 'viem';
import type { DefaultInteger, Integer, OptionalInteger, Stored, StoredOrNull } from './columns.ts';

interface X402Authorizations {
  payment_id: string;
  chain_id: Integer;
  purse: Stored<Address>;
  nonce: Stored<Hex>;
  pay_to: Stored<Address>;
  value_micro: Integer;
  valid_after_s: Integer;
  valid_before_s: Integer;
  payload_json: string | null;
  resource_json: string;
  cancelled_at: OptionalInteger;
  reported_json: string | null;
  epoch: DefaultInteger;
}

interface X402Settlements {
  chain_id: Integer;
  payer: Stored<Address>;
  nonce: Stored<Hex>;
  pay_to: Stored<Address>;
  value_micro: Integer;
  state: 'claimed' | 'pending' | 'settled' | 'failed';
  claimed_until: Integer;
  transaction_id: OptionalInteger;
  pending_key: string | null;
  pending_hash: StoredOrNull<Hex>;
  tx_hash: StoredOrNull<Hex>;
  reason: string | null;
  delivered_at: OptionalInteger;
  created_at: Integer;
  updated_at: Integer;
}

interface Receivables {
  id: string;
  agent_id: string;
  kind: 'deposit' | 'agent_payment' | 'x402_sale' | 'invoice' | 'refund' | 'unmatched';
  state: 'included' | 'final' | 'orphaned';
  amount_micro: Integer;
  payer_address: string;
  payment_id: string | null;
  invoice_id: string | null;
  invoice_by: 'nonce' | 'claim' | 'amount' | null;
  sale_nonce: string | null;
  routed_at: OptionalInteger;
  route_json: string | null;
  route_failed_digest: string | null;
  received_at: Integer;
  chain_id: Integer;
  tx_hash: string;
  log_index: Integer;
  block_number: Integer;
  block_hash: string;
  created_at: Integer;
}

interface Earnings {
  agent_id: string;
  received_micro: Integer;
  passed_on_micro: Integer;
}

interface ExpectedSales {
  chain_id: Integer;
  payer: Stored<Address>;
  nonce: string;
  agent_id: string;
  amount_micro: Integer;
  resource: string;
  invoice_id: string | null;
  valid_before_s: Integer;
  state: 'expected' | 'paid' | 'closed';
  created_at: Integer;
}

interface Invoices {
  id: string;
  agent_id: string;
  address: string;
  amount_micro: Integer;
  max_uses: Integer;
  received_micro: DefaultInteger;
  memo: string;
  expires_at: OptionalInteger;
  cancelled_at: OptionalInteger;
  idempotency_key: string;
  body_hash: string;
  created_at: Integer;
}

interface InvoiceClaims {
  tx_hash: string;
  payer: string;
  invoice_id: string;
  claimed_by: string;
  created_at: Integer;
}

interface RefundRequests {
  id: string;
  payment_id: string;
  receivable_id: string;
  amount_micro: Integer;
  reason: string;
  state: 'open' | 'accepted' | 'declined';
  answer: string | null;
  refund_payment: string | null;
  created_at: Integer;
  answered_at: OptionalInteger;
}

/** Money that agents receive, and x402 authorizations of both buyers and sellers. */
export interface EarningTables {
  x402_authorizations: X402Authorizations;
  x402_settlements: X402Settlements;
  receivables: Receivables;
  earnings: Earnings;
  expected_sales: ExpectedSales;
  invoices: Invoices;
  invoice_claims: InvoiceClaims;
  refund_requests: RefundRequests;
}
