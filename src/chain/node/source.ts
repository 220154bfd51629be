import type { Address, Hex } from 'viem';

export type BlockHeader = {
  number: bigint;
  hash: Hex;
  parentHash: Hex;
  /** Unix seconds. */
  timestampS: number;
  /** Only where the header was held against its hash: what is not in it was not logged in the block. */
  logsBloom?: Hex | undefined;
};

/** A log as the chain has it, not decoded yet. */
export type ChainLog = {
  address: Address;
  topics: readonly Hex[];
  data: Hex;
  blockNumber: bigint;
  blockHash: Hex;
  txHash: Hex;
  logIndex: number;
};

/** Whose logs are asked for. */
/** `payers`: foreign addresses whose `AuthorizationUsed` matter too, since their payment to one of ours was announced. */
export type LogScope = { wallets: readonly Address[]; purses: readonly Address[]; payers: readonly Address[] };
/** One block by its hash (a node that lacks it must say so), or a range, both ends inclusive. */
export type LogRange = { blockHash: Hex } | { fromBlock: bigint; toBlock: bigint };

/**
 * All that reconciliation asks of a chain. Every method rejects when there is no answer; `chain_mismatch` when the node
 * serves another chain. Nothing here is trusted: the follower checks the answers against each other.
 */
export interface ChainSource {
  /** USDC on that chain. */
  readonly token: Address;
  /** The policy registry, whose changes are told too; absent: none is followed. */
  readonly registry?: Address | undefined;
  head(): Promise<BlockHeader>;
  /** Null where the node has no block of that number. */
  header(number: bigint): Promise<BlockHeader | null>;
  /** The number behind the `finalized` tag; null where the node has none. */
  finalized(): Promise<bigint | null>;
  /**
   * At least: USDC Transfer from or to, AuthorizationUsed and AuthorizationCanceled of, and what wallets emit themselves. In
   * any order, more than asked for is allowed.
   */
  logs(range: LogRange, scope: LogScope): Promise<ChainLog[]>;
  /** USDC balance in micro-USDC after that block. */
  balanceOf(address: Address, blockNumber: bigint): Promise<bigint>;
  /** Balances of many addresses in one question each hundred. Absent: balances are not compared at each step. */
  balancesOf?(addresses: readonly Address[], blockNumber: bigint): Promise<bigint[]>;
  /** All logs of a block by its receipts; null where the node gives none, or gives some that the header's bloom contradicts. */
  receiptLogs?(header: BlockHeader): Promise<ChainLog[] | null>;
  /** Whether the EIP-3009 nonce of the purse was used or cancelled, after that block. */
  authorizationState(purse: Address, nonce: Hex, blockNumber: bigint): Promise<boolean>;
}
