import type { Address, Hex } from 'viem';

export type BlockHeader = {
  number: bigint;
  hash: Hex;
  parentHash: Hex;
  /** Unix seconds. */
  timestampS: number;
  /** Only if the header was verified by its hash: a log that is not in this bloom is not in the block. */
  logsBloom?: Hex | undefined;
};

/** A log from the chain, not decoded yet. */
export type ChainLog = {
  address: Address;
  topics: readonly Hex[];
  data: Hex;
  blockNumber: bigint;
  blockHash: Hex;
  txHash: Hex;
  logIndex: number;
};

/** The addresses whose logs are requested. */
/** `payers`: outside addresses whose `AuthorizationUsed` matters too, because a payment of theirs to one of ours was announced. */
export type LogScope = { wallets: readonly Address[]; purses: readonly Address[]; payers: readonly Address[] };
/** One block by its hash (a node that lacks it must report so), or a range, both ends inclusive. */
export type LogRange = { blockHash: Hex } | { fromBlock: bigint; toBlock: bigint };

/**
 * The reads of reconciliation. Every method rejects if there is no answer, with `chain_mismatch` if the node serves another chain.
 * Nothing is trusted: the follower checks the answers against each other.
 */
export interface ChainSource {
  /** USDC on that chain. */
  readonly token: Address;
  /** The policy registry whose changes are followed; absent: none. */
  readonly registry?: Address | undefined;
  head(): Promise<BlockHeader>;
  /** Null if the node has no block of that number. */
  header(number: bigint): Promise<BlockHeader | null>;
  /** The number of the `finalized` tag; null if the node has none. */
  finalized(): Promise<bigint | null>;
  /**
   * Returns at least: USDC Transfer from or to, AuthorizationUsed and AuthorizationCanceled of, and the wallets' own events. In any
   * order; more is permitted.
   */
  logs(range: LogRange, scope: LogScope): Promise<ChainLog[]>;
  /** USDC balance in micro-USDC after that block. */
  balanceOf(address: Address, blockNumber: bigint): Promise<bigint>;
  /** Reads balances of many addresses, a hundred per request. Absent: balances are not compared at each step. */
  balancesOf?(addresses: readonly Address[], blockNumber: bigint): Promise<bigint[]>;
  /** All logs of a block by its receipts; null if the node returns none, or if the header's bloom contradicts them. */
  receiptLogs?(header: BlockHeader): Promise<ChainLog[] | null>;
  /** Tells whether the EIP-3009 nonce of the purse was used or cancelled, after that block. */
  authorizationState(purse: Address, nonce: Hex, blockNumber: bigint): Promise<boolean>;
}
