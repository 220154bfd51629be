import { type Address, type Hex, keccak256, numberToHex, toHex } from 'viem';
import { bloomOf } from '../../../src/chain/follow/bloom.ts';
import { headerHash, type RawBlock } from '../../../src/chain/follow/headerHash.ts';
import type { Log } from './abi.ts';
import type { ChainState } from './state.ts';

/** A transaction in the pool or in a block. */
export type Transaction = {
  hash: Hex;
  from: Address;
  nonce: number;
  to: Address;
  data: Hex;
  gas: bigint;
  maxFee: bigint;
  maxPriorityFee: bigint;
  /** Sent by a key of ours: it can come back after it was dropped. */
  raw: Hex | null;
};
export type Included = {
  transaction: Transaction;
  succeeded: boolean;
  gasUsed: bigint;
  price: bigint;
  logs: Log[];
  firstLog: number;
};
export type Block = {
  number: number;
  hash: Hex;
  parent: Block | null;
  timestampS: number;
  baseFee: bigint;
  included: readonly Included[];
  state: ChainState;
  raw: RawBlock;
};

const zeros = `0x${'00'.repeat(32)}` as const;
const emptyBloom = bloomOf([]);

export type NewBlock = Pick<Block, 'parent' | 'timestampS' | 'baseFee' | 'included' | 'state'> & { salt: Hex };

/** A block with the header that JSON-RPC gives, and its true hash. `salt` keeps the blocks of two branches apart. */
export function blockOf({ salt, ...given }: NewBlock): Block {
  const number = given.parent === null ? 0 : given.parent.number + 1;
  const logs = given.included.flatMap((one) => one.logs);
  const header = {
    parentHash: given.parent?.hash ?? zeros,
    sha3Uncles: zeros,
    miner: `0x${'00'.repeat(20)}`,
    stateRoot: salt,
    transactionsRoot: zeros,
    receiptsRoot: zeros,
    logsBloom: logs.length === 0 ? emptyBloom : bloomOf(logs),
    difficulty: '0x0',
    number: numberToHex(number),
    gasLimit: '0x1c9c380',
    gasUsed: numberToHex(given.included.reduce((sum, { gasUsed }) => sum + gasUsed, 0n)),
    timestamp: numberToHex(given.timestampS),
    extraData: '0x',
    mixHash: zeros,
    nonce: '0x0000000000000000',
    baseFeePerGas: numberToHex(given.baseFee),
  };
  const hash = headerHash(header);
  if (hash === null) throw new Error('A block of the model has no hash.');
  const transactions = given.included.map(({ transaction }) => transaction.hash);
  return { ...given, number, hash, raw: { ...header, hash, size: '0x0', uncles: [], transactions } };
}

/** The receipt of one transaction as JSON-RPC gives it. */
export function receiptOf(block: Block, index: number): Record<string, unknown> {
  const one = block.included[index] as Included;
  const { transaction } = one;
  return {
    type: '0x2',
    status: one.succeeded ? '0x1' : '0x0',
    transactionHash: transaction.hash,
    transactionIndex: numberToHex(index),
    blockHash: block.hash,
    blockNumber: numberToHex(block.number),
    from: transaction.from,
    to: transaction.to,
    contractAddress: null,
    cumulativeGasUsed: numberToHex(one.gasUsed),
    gasUsed: numberToHex(one.gasUsed),
    effectiveGasPrice: numberToHex(one.price),
    logsBloom: one.logs.length === 0 ? emptyBloom : bloomOf(one.logs),
    logs: one.logs.map((_, at) => rawLogOf(block, index, at)),
  };
}

export type RawLog = { address: Address; topics: Hex[]; data: Hex } & Record<string, unknown>;

function rawLogOf(block: Block, index: number, at: number): RawLog {
  const { transaction, logs, firstLog } = block.included[index] as Included;
  const { address, topics, data } = logs[at] as Log;
  return {
    address,
    topics,
    data,
    blockNumber: numberToHex(block.number),
    blockHash: block.hash,
    transactionHash: transaction.hash,
    transactionIndex: numberToHex(index),
    logIndex: numberToHex(firstLog + at),
    removed: false,
  };
}

export const logsOf = (block: Block): RawLog[] =>
  block.included.flatMap(({ logs }, index) => logs.map((_, at) => rawLogOf(block, index, at)));

/** The hash of a transaction that no key signed: one of the world around us. */
export const hashOf = (from: Address, nonce: number, data: Hex): Hex => keccak256(toHex(`${from} ${nonce} ${data}`));
