import { type Address, getAddress, type Hex, numberToHex, RpcRequestError } from 'viem';
import type { Random } from '../random.ts';
import { Reverted } from './abi.ts';
import { type Block, logsOf, type RawLog, receiptOf } from './block.ts';
import { ModelChain, PoolRefusal } from './modelChain.ts';
import { senderOf } from './state.ts';
import { callAt, codeAt, gasOf } from './views.ts';

/** How one answer of a node is wrong. */
export const lies = [
  'lag',
  'stale_branch',
  'no_logs',
  'fewer_logs',
  'no_receipts',
  'no_block',
  'invented_revert',
  'low_count',
  'high_count',
  'forgets_sent',
  'refuses',
] as const;
export type Lie = (typeof lies)[number];
/** A lie that a node keeps to for a while: `size` is how many blocks it lags, by how much a count is wrong, which branch it is on. */
export type Mood = { lie: Lie; size: number };

export type Request = { method: string; params?: unknown };
type Params = readonly unknown[];

/** A node of the model chain: answers JSON-RPC, honestly or with one lie. */
export class ModelNode {
  readonly #chain: ModelChain;
  readonly #finalityBlocks: number;
  /** Tips of branches that were given up. */
  readonly #stale: () => readonly Block[];
  /** What it is like now, whatever else goes wrong. Null: honest. */
  mood: Mood | null = null;

  constructor(chain: ModelChain, finalityBlocks: number, stale: () => readonly Block[]) {
    this.#chain = chain;
    this.#finalityBlocks = finalityBlocks;
    this.#stale = stale;
  }

  /** `once`: a lie of this answer alone, in place of its mood. */
  async answer({ method, params }: Request, once: Lie | null, random: Random): Promise<unknown> {
    const mood = once === null ? this.mood : { lie: once, size: random.between(1, 6) };
    if (mood?.lie === 'refuses') throw refusal(method, -32_000, 'the model refuses to answer');
    const view = this.#viewOf(mood);
    const given = (params ?? []) as Params;
    try {
      const honest = await this.#honest(method, given, view, mood);
      return mood === null ? honest : distorted(method, honest, mood.lie, random);
    } catch (error) {
      if (error instanceof Reverted) throw refusal(method, 3, `execution reverted: ${error.message}`, error.data);
      if (error instanceof PoolRefusal) throw refusal(method, -32_000, error.message);
      throw error;
    }
  }

  #viewOf(mood: Mood | null): Block {
    const { tip } = this.#chain;
    if (mood?.lie === 'lag') return ModelChain.ancestor(tip, Math.max(0, tip.number - mood.size)) ?? tip;
    const stale = mood?.lie === 'stale_branch' ? this.#stale() : [];
    return stale[stale.length - 1 - (mood?.size ?? 0)] ?? stale.at(-1) ?? tip;
  }

  async #honest(method: string, params: Params, view: Block, mood: Mood | null): Promise<unknown> {
    const shift = shiftOf(mood);
    const place = (block: Block) => ({ ...this.#chain.placeAt(block.timestampS), nonceShift: shift });
    const [first, second] = params as [never, never];
    switch (method) {
      case 'eth_chainId':
        return numberToHex(this.#chain.options.chainId);
      case 'eth_blockNumber':
        return numberToHex(view.number);
      case 'eth_maxPriorityFeePerGas':
        return numberToHex(this.#chain.priorityFee);
      case 'eth_getBlockByNumber':
        return this.#blockAt(view, first)?.raw ?? null;
      case 'eth_getLogs':
        return this.#logs(view, first);
      case 'eth_getBlockReceipts': {
        const block = this.#blockAt(view, first);
        return block?.included.map((_, index) => receiptOf(block, index)) ?? null;
      }
      case 'eth_getTransactionReceipt':
        return receiptBelow(view, first);
      case 'eth_getTransactionCount':
        return numberToHex(Math.max(0, this.#countOf(view, getAddress(first), second) + shift));
      case 'eth_getBalance':
        return numberToHex(senderOf(this.#known(view, second).state, getAddress(first)).wei);
      case 'eth_getCode': {
        const block = this.#known(view, second);
        return codeAt(block.state, place(block), getAddress(first));
      }
      case 'eth_call': {
        const block = this.#known(view, second);
        const { from, to, data } = first as { from?: Address; to?: Address; data: Hex };
        const asked = { from: from ?? '0x0000000000000000000000000000000000000000', to: to ? getAddress(to) : null };
        return callAt(block, place(block), { ...asked, data });
      }
      case 'eth_estimateGas': {
        const { from, to, data } = first as { from: Address; to: Address; data: Hex };
        // The next block is a little later.
        const next = { ...place(view), timestampS: view.timestampS + 1 };
        return numberToHex(gasOf(view, next, { from: getAddress(from), to: getAddress(to), data }));
      }
      case 'eth_sendRawTransaction':
        return mood?.lie === 'forgets_sent' ? `0x${'11'.repeat(32)}` : this.#chain.send(first, view);
      default:
        throw refusal(method, -32_601, `the model does not have ${method}`);
    }
  }

  #blockAt(view: Block, tag: string): Block | null {
    if (tag === 'latest' || tag === 'pending') return view;
    const number = tag === 'finalized' ? view.number - this.#finalityBlocks : Number(BigInt(tag));
    return ModelChain.ancestor(view, Math.max(0, number));
  }

  #known(view: Block, tag: unknown): Block {
    const block = this.#blockAt(view, typeof tag === 'string' ? tag : 'latest');
    if (!block) throw refusal('eth_call', -32_000, 'header not found');
    return block;
  }

  #countOf(view: Block, address: Address, tag: unknown): number {
    const mined = senderOf(this.#known(view, tag).state, address).nonce;
    if (tag !== 'pending') return mined;
    const waiting = new Set(this.#chain.pool.filter(({ from }) => from === address).map(({ nonce }) => nonce));
    let next = mined;
    while (waiting.has(next)) next += 1;
    return next;
  }

  #logs(view: Block, filter: Filter): RawLog[] {
    if (filter.blockHash !== undefined) {
      const block = this.#chain.blocks.get(filter.blockHash);
      if (!block || ModelChain.ancestor(view, block.number) !== block)
        throw refusal('eth_getLogs', -32_000, 'unknown block');
      return logsOf(block).filter((log) => matches(log, filter));
    }
    const [from, to] = [filter.fromBlock, filter.toBlock].map((tag) => this.#blockAt(view, tag ?? 'latest'));
    if (!from) throw refusal('eth_getLogs', -32_000, 'block range extends beyond current head block');
    const found: RawLog[] = [];
    for (let at: Block | null = to ?? view; at && at.number >= from.number; at = at.parent) {
      found.unshift(...logsOf(at).filter((log) => matches(log, filter)));
    }
    return found;
  }
}

type Filter = {
  address?: Address | Address[];
  topics?: (Hex | Hex[] | null)[];
  blockHash?: Hex;
  fromBlock?: string;
  toBlock?: string;
};

function matches(log: RawLog, { address, topics }: Filter): boolean {
  const addresses = [address ?? []].flat().map((one) => one.toLowerCase());
  if (addresses.length > 0 && !addresses.includes(log.address.toLowerCase())) return false;
  return (topics ?? []).every((wanted, index) => {
    if (wanted === null || wanted === undefined) return true;
    const actual = log.topics[index]?.toLowerCase();
    return [wanted].flat().some((one) => one.toLowerCase() === actual);
  });
}

function receiptBelow(view: Block, hash: Hex): Record<string, unknown> | null {
  for (let at: Block | null = view; at; at = at.parent) {
    const index = at.included.findIndex(({ transaction }) => transaction.hash === hash);
    if (index >= 0) return receiptOf(at, index);
  }
  return null;
}

/** By how much the node's nonces are wrong. */
function shiftOf(mood: Mood | null): number {
  if (mood?.lie !== 'low_count' && mood?.lie !== 'high_count') return 0;
  return (mood.size % 3) * (mood.lie === 'low_count' ? -1 : 1) + (mood.lie === 'low_count' ? -1 : 1);
}

/** The honest answer, changed as that lie has it. Methods that it does not concern are answered honestly. */
function distorted(method: string, honest: unknown, lie: Lie, random: Random): unknown {
  switch (lie) {
    case 'no_logs':
      return method === 'eth_getLogs' ? [] : honest;
    case 'fewer_logs':
      return method === 'eth_getLogs' ? (honest as unknown[]).filter(() => random.chance(0.6)) : honest;
    case 'no_receipts':
      return /Receipt/.test(method) ? null : honest;
    case 'no_block':
      return method === 'eth_getBlockByNumber' ? null : honest;
    case 'invented_revert':
      if (method === 'eth_estimateGas' || method === 'eth_call') throw refusal(method, 3, 'execution reverted');
      return honest;
    default:
      return honest;
  }
}

function refusal(method: string, code: number, message: string, data?: Hex): RpcRequestError {
  const error = data === undefined ? { code, message } : { code, message, data };
  return new RpcRequestError({ body: { method }, error, url: 'http://model' });
}
