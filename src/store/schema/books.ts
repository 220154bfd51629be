import type { Address } from 'viem';
import type { Computed, DefaultInteger, Integer, OptionalInteger, Stored } from './columns.ts';

interface Meters {
  id: DefaultInteger;
  meter: string;
  grp: string;
  window_start: Integer;
  total_micro: Integer;
  count: Integer;
  last_at: OptionalInteger;
}

interface MeterEntries {
  payment_id: string;
  at: Integer;
  amount_micro: Integer;
  counted: DefaultInteger;
  meters_json: string;
}

interface MeterRolling {
  meter: string;
  at: Integer;
  payment_id: string;
  meter_id: Integer;
  amount_micro: Integer;
  counted: Integer;
}

interface MeterGenerations {
  meter: string;
  live: Integer;
  last: Integer;
}

interface LedgerEntries {
  id: DefaultInteger;
  kind: string;
  payment_id: string | null;
  receivable_id: string | null;
  block_number: OptionalInteger;
  at: Integer;
  from_account: string;
  to_account: string;
  amount_micro: Integer;
}

interface Postings {
  entry_id: Computed<bigint>;
  line: Computed<bigint>;
  account: Computed<string>;
  amount_micro: Computed<bigint>;
}

interface Balances {
  account: string;
  amount_micro: Integer;
}

interface Events {
  seq: DefaultInteger;
  at: Integer;
  type: string;
  payment_id: string | null;
  agent_id: string | null;
  body: string;
  hash: string;
}

interface LogTiles {
  level: Integer;
  tile: Integer;
  hashes: string;
  root: string;
}

interface LogHeads {
  size: DefaultInteger;
  root: string;
  note: string;
  signed_at: Integer;
}

interface LogAnchors {
  transaction_id: DefaultInteger;
  size: Integer;
  registry: Stored<Address>;
  sender: Stored<Address>;
  requested_by: string;
  estimated_gas: Integer;
  estimated_wei: string;
  noted: DefaultInteger;
}

/** Meters, the double-entry journal, events and their transparency log. */
export interface BooksTables {
  meters: Meters;
  meter_entries: MeterEntries;
  meter_rolling: MeterRolling;
  meter_generations: MeterGenerations;
  ledger_entries: LedgerEntries;
  postings: Postings;
  balances: Balances;
  events: Events;
  log_tiles: LogTiles;
  log_heads: LogHeads;
  log_anchors: LogAnchors;
}
