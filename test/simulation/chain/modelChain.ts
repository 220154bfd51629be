import { type Address, getAddress, type Hex, keccak256, parseTransaction, recoverTransactionAddress } from 'viem';
import type { Random } from '../random.ts';
import { type Block, blockOf, hashOf, type Included, type Transaction } from './block.ts';
import { execute, type Place } from './execute.ts';
import { type ChainState, copyOf, emptyState, senderOf } from './state.ts';

export type ModelChainOptions = { chainId: number; token: Address; factory: Address; startS: number };
/** What a node says to a transaction that it does not take. */
export class PoolRefusal extends Error {}

const GWEI = 1_000_000_000n;
export const BLOCK_S = 2;
const DROPPED_MAX = 64;

/**
 * A chain in memory: blocks with their state, a pool, forks. It does only what the simulation says, with the numbers that it is given.
 */
export class ModelChain {
  readonly options: ModelChainOptions;
  /** Every block that there ever was, by hash. */
  readonly blocks = new Map<Hex, Block>();
  /** Transactions of our keys, the newest first, whatever became of them: somebody may send them again. */
  readonly signed: Transaction[] = [];
  tip: Block;
  baseFee = GWEI;
  priorityFee = GWEI / 10n;
  #pool = new Map<string, Transaction>();
  #worldNonce = 0;

  constructor(options: ModelChainOptions, fill: (state: ChainState) => void) {
    this.options = options;
    const state = emptyState();
    fill(state);
    const first = { parent: null, timestampS: options.startS, baseFee: this.baseFee, included: [], state };
    this.tip = blockOf({ ...first, salt: keccak256('0x') });
    this.blocks.set(this.tip.hash, this.tip);
  }

  get pool(): readonly Transaction[] {
    return [...this.#pool.values()];
  }

  placeAt(timestampS: number): Place {
    const { token, factory, chainId } = this.options;
    return { token, factory, chainId, timestampS };
  }

  /** The block of that number below a tip. */
  static ancestor(tip: Block, number: number): Block | null {
    let block: Block | null = tip;
    while (block && block.number > number) block = block.parent;
    return block?.number === number ? block : null;
  }

  /** What a node does with a raw transaction. `view`: the block that it takes for the newest. */
  async send(raw: Hex, view: Block): Promise<Hex> {
    const transaction = await decode(raw);
    if (!this.signed.some(({ hash }) => hash === transaction.hash)) this.signed.unshift(transaction);
    return this.admit(transaction, view);
  }

  admit(transaction: Transaction, view: Block): Hex {
    const { from, nonce, hash, maxFee, maxPriorityFee, gas } = transaction;
    const sender = senderOf(view.state, from);
    if (nonce < sender.nonce) throw new PoolRefusal('nonce too low');
    const key = `${from} ${nonce}`;
    const other = this.#pool.get(key);
    if (other?.hash === hash) throw new PoolRefusal('already known');
    if (other && (maxFee * 10n < other.maxFee * 11n || maxPriorityFee * 10n < other.maxPriorityFee * 11n))
      throw new PoolRefusal('replacement transaction underpriced');
    if (gas * maxFee > sender.wei) throw new PoolRefusal('insufficient funds for gas * price + value');
    this.#pool.set(key, transaction);
    return hash;
  }

  /** The world around us acts: a deposit, a seller that settles, an owner. */
  act(from: Address, to: Address, data: Hex): Hex {
    const nonce = 1_000_000 + this.#worldNonce;
    this.#worldNonce += 1;
    const hash = hashOf(from, nonce, data);
    const fees = { gas: 500_000n, maxFee: 1_000n * GWEI, maxPriorityFee: 0n };
    this.#pool.set(`${from} ${nonce}`, { hash, from, nonce, to, data, ...fees, raw: null });
    return hash;
  }

  /** A pool that forgets: null where there is nothing to forget. */
  drop(random: Random): Transaction | null {
    const ours = this.pool.filter(({ raw }) => raw !== null);
    if (ours.length === 0) return null;
    const one = random.pick(ours);
    this.#pool.delete(`${one.from} ${one.nonce}`);
    return one;
  }

  /** Somebody sends one of our transactions again, also one that was replaced or that a reorg undid. */
  resurrect(random: Random): Transaction | null {
    if (this.signed.length === 0) return null;
    const one = random.pick(this.signed.slice(0, DROPPED_MAX));
    return this.sendAgain(one) ? one : null;
  }

  /** It takes the place of another one under its nonce, as with a miner who has seen only this one. */
  sendAgain(one: Transaction): boolean {
    if (one.nonce < senderOf(this.tip.state, one.from).nonce) return false;
    this.#pool.set(`${one.from} ${one.nonce}`, one);
    return true;
  }

  /** Adds a block to a parent. `takes`: which transactions the miner takes, of those that can go. */
  mine(parent: Block, of: { timestampS: number; salt: Hex; takes: (one: Transaction) => boolean }): Block {
    let state = copyOf(parent.state);
    const timestampS = Math.max(parent.timestampS + 1, of.timestampS);
    const included: Included[] = [];
    let logCount = 0;
    const place = this.placeAt(timestampS);
    const waiting = [...this.pool].sort((a, b) => (a.from === b.from ? a.nonce - b.nonce : a.from < b.from ? -1 : 1));
    for (const transaction of waiting) {
      if (transaction.maxFee < this.baseFee || !of.takes(transaction)) continue;
      const isOurs = transaction.raw !== null;
      if (isOurs && senderOf(state, transaction.from).nonce !== transaction.nonce) continue;
      const tip = min(transaction.maxPriorityFee, transaction.maxFee - this.baseFee);
      const price = this.baseFee + tip;
      const trial = copyOf(state);
      let done: Pick<Included, 'succeeded' | 'gasUsed' | 'logs'>;
      try {
        const { logs, gas } = execute(trial, place, transaction);
        if (gas > transaction.gas) throw new Error('out of gas');
        state = trial;
        done = { succeeded: true, gasUsed: gas, logs };
      } catch {
        // What fails moves nothing, and costs its gas.
        if (!isOurs) {
          this.#pool.delete(`${transaction.from} ${transaction.nonce}`);
          continue;
        }
        done = { succeeded: false, gasUsed: min(transaction.gas, 60_000n), logs: [] };
      }
      if (isOurs) {
        const { nonce, wei } = senderOf(state, transaction.from);
        state.senders.set(transaction.from, { nonce: nonce + 1, wei: wei - done.gasUsed * price });
      }
      included.push({ transaction, price, firstLog: logCount, ...done });
      logCount += done.logs.length;
    }
    const block = blockOf({ parent, timestampS, baseFee: this.baseFee, included, state, salt: of.salt });
    this.blocks.set(block.hash, block);
    return block;
  }

  /** The chain goes on at another block: what only the old branch had goes back to the pool, what the new one has leaves it. */
  adopt(tip: Block, isLost: (one: Transaction) => boolean = () => false): void {
    const old = this.tip;
    const fork = forkOf(old, tip);
    this.tip = tip;
    for (let at: Block | null = old; at && at !== fork; at = at.parent) {
      for (const { transaction } of at.included) {
        const key = `${transaction.from} ${transaction.nonce}`;
        if (!this.#pool.has(key) && !isLost(transaction)) this.#pool.set(key, transaction);
      }
    }
    for (let at: Block | null = tip; at && at !== fork; at = at.parent) {
      for (const { transaction } of at.included) {
        const key = `${transaction.from} ${transaction.nonce}`;
        if (transaction.raw !== null || this.#pool.get(key)?.hash === transaction.hash) this.#pool.delete(key);
      }
    }
    for (const [key, one] of this.#pool) {
      if (one.raw !== null && one.nonce < senderOf(tip.state, one.from).nonce) this.#pool.delete(key);
    }
  }
}

function forkOf(a: Block, b: Block): Block | null {
  let [left, right]: [Block | null, Block | null] = [a, b];
  while (left && right && left !== right) {
    if (left.number >= right.number) left = left.parent;
    else right = right.parent;
  }
  return left;
}

async function decode(raw: Hex): Promise<Transaction> {
  const fields = parseTransaction(raw);
  const from = await recoverTransactionAddress({ serializedTransaction: raw as `0x02${string}` });
  return {
    hash: keccak256(raw),
    from,
    nonce: fields.nonce ?? 0,
    to: getAddress(fields.to as Address),
    data: fields.data ?? '0x',
    gas: fields.gas ?? 0n,
    maxFee: fields.maxFeePerGas ?? 0n,
    maxPriorityFee: fields.maxPriorityFeePerGas ?? 0n,
    raw,
  };
}

const min = (a: bigint, b: bigint): bigint => (a < b ? a : b);
