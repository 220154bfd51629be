import type { Address, Hex } from 'viem';
import type { DefaultInteger, Integer, OptionalInteger, Stored, StoredOrNull } from './columns.ts';

/** Why a transaction will never be mined: see `DropReason` in src/chain/relayer/transactions.ts. */
type DropReason =
  | 'refused'
  | 'no_contract'
  | 'dependency_failed'
  | 'withdrawn'
  | 'nonce_taken'
  | 'sender_replaced'
  | 'withheld'
  | 'nonce_gap';

interface Transactions {
  id: DefaultInteger;
  chain_id: Integer;
  sender: Stored<Address>;
  nonce: OptionalInteger;
  purpose: string;
  to_address: Stored<Address>;
  data: Stored<Hex>;
  gas_limit: OptionalInteger;
  depends_on: OptionalInteger;
  state: 'queued' | 'pending' | 'mined' | 'final' | 'dropped';
  drop_reason: DropReason | null;
  drop_detail: string | null;
  mined_hash: StoredOrNull<Hex>;
  succeeded: OptionalInteger;
  block_number: OptionalInteger;
  block_hash: StoredOrNull<Hex>;
  gas_used: OptionalInteger;
  gas_price_wei: string | null;
  created_at: Integer;
}

interface TransactionAttempts {
  hash: Stored<Hex>;
  transaction_id: Integer;
  position: Integer;
  raw: Stored<Hex>;
  gas_limit: Integer;
  max_fee_wei: string;
  max_priority_fee_wei: string;
  signed_at: Integer;
  broadcast_at: OptionalInteger;
}

interface TransactionPayments {
  transaction_id: Integer;
  payment_id: string;
}

interface Transfers {
  chain_id: Integer;
  block_hash: Stored<Hex>;
  log_index: Integer;
  block_number: Integer;
  tx_hash: Stored<Hex>;
  from_address: string;
  to_address: string;
  amount_micro: Integer;
  match_kind: 'payment' | 'receivable' | 'internal' | 'unexplained';
  match_id: string | null;
  state: 'included' | 'final' | 'orphaned';
}

interface Watched {
  chain_id: Integer;
  agent_id: string;
  since_block: Integer;
}

interface Blocks {
  chain_id: Integer;
  number: Integer;
  hash: Stored<Hex>;
  parent_hash: Stored<Hex>;
  timestamp_s: Integer;
}

interface X402Cancellations {
  chain_id: Integer;
  nonce: string;
  block_number: Integer;
}

interface ChainStops {
  id: DefaultInteger;
  chain_id: Integer;
  block_number: Integer;
  known_hash: string;
  told_hash: string;
  started_at: Integer;
  ended_at: OptionalInteger;
  ended_by: 'agreed' | 'recovered' | null;
}

interface ChainChecked {
  chain_id: DefaultInteger;
  block_number: Integer;
}

interface AllowListSeen {
  agent_id: string;
  chain_id: Integer;
  address: Stored<Address>;
}

/** Transactions of the sender queues, and their results on chain. */
export interface ChainTables {
  transactions: Transactions;
  transaction_attempts: TransactionAttempts;
  transaction_payments: TransactionPayments;
  transfers: Transfers;
  watched: Watched;
  blocks: Blocks;
  x402_cancellations: X402Cancellations;
  chain_stops: ChainStops;
  chain_checked: ChainChecked;
  allow_list_seen: AllowListSeen;
}
