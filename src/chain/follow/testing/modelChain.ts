import {
  type AbiEvent,
  type Address,
  encodeAbiParameters,
  encodeEventTopics,
  type Hex,
  keccak256,
  parseAbi,
  toHex,
  zeroAddress,
} from 'viem';
import { BursarError } from '../../../core/errors/base.ts';
import type { BlockHeader, ChainLog, ChainSource } from '../../node/source.ts';

/** What happens on the model chain. A batch is all or nothing, as AgentWallet.payBatch. */
export type Action =
  | { kind: 'mint'; to: Address; amount: bigint }
  | { kind: 'transfer'; from: Address; to: Address; amount: bigint }
  | { kind: 'pay'; wallet: Address; policyDigest: Hex; items: readonly PayItem[] }
  | { kind: 'authorized'; purse: Address; nonce: Hex; to: Address; amount: bigint; validBefore: number }
  | { kind: 'cancel'; purse: Address; nonce: Hex }
  | { kind: 'withdraw'; wallet: Address; to: Address; amount: bigint }
  | { kind: 'freeze'; wallet: Address; caller: Address }
  | { kind: 'raw'; logs: readonly Omit<RawLog, never>[] };
export type PayItem = { chainKey: Hex; payee: Address; amount: bigint; decisionHash: Hex };
export type RawLog = { address: Address; topics: readonly Hex[]; data: Hex };
export type Sent = { hash: Hex; action: Action };

const abi = parseAbi([
  'event Transfer(address indexed from, address indexed to, uint256 value)',
  'event AuthorizationUsed(address indexed authorizer, bytes32 indexed nonce)',
  'event AuthorizationCanceled(address indexed authorizer, bytes32 indexed nonce)',
  'event PaymentExecuted(bytes32 indexed paymentId, address indexed payee, bytes32 indexed policyDigest, uint256 amount, bytes32 decisionHash)',
  'event Withdrawn(address indexed token, address indexed to, uint256 amount)',
  'event Frozen(address indexed caller)',
]);
type EventName = (typeof abi)[number]['name'];

/** A log as that event would make it; indexed values first, then the others. */
export function logOf(address: Address, eventName: EventName, args: Record<string, Hex | bigint>): RawLog {
  const event: AbiEvent | undefined = abi.find((item) => item.name === eventName);
  if (!event) throw new Error(eventName);
  const topics = encodeEventTopics({ abi: [event], eventName, args }) as Hex[];
  const plain = event.inputs.filter((input) => !('indexed' in input && input.indexed));
  return {
    address,
    topics,
    data: encodeAbiParameters(
      plain,
      plain.map((input) => args[input.name ?? '']),
    ),
  };
}

/** `used`: nonces that can not be used any more; `spent`: those that moved money, and wallet payments. */
type State = { balances: Map<Address, bigint>; used: Set<Hex>; spent: Set<Hex> };
type Block = { header: BlockHeader; sent: Sent[]; logs: ChainLog[]; after: State };

/**
 * A chain in memory with USDC's and the wallets' rules as far as money goes: it answers like a node, can be reorganised, and knows
 * every balance. What the rules refuse is not mined.
 */
export class ModelChain implements ChainSource {
  readonly token: Address = '0x036CbD53842c5426634e7929541eC2318f3dCF7e';
  readonly secondsPerBlock = 10;
  blocks: Block[] = [];
  finalizedTag: bigint | null = null;
  /** Set: every question is refused with it. */
  failure: Error | null = null;
  /** Called before logs are given: something happens while the follower asks. */
  beforeLogs: (() => void | Promise<void>) | null = null;
  #salt = 0;
  #sent = 0;

  constructor() {
    this.mine([]);
  }

  get tip(): Block {
    return this.blocks[this.blocks.length - 1] as Block;
  }

  /** Gives each action a transaction of its own. */
  send(...actions: Action[]): Sent[] {
    return actions.map((action) => {
      this.#sent += 1;
      return { hash: keccak256(toHex(`tx ${this.#sent}`)), action };
    });
  }

  /** Mines one block; gives what the rules refused. */
  mine(sent: readonly Sent[]): Sent[] {
    const parent = this.blocks.at(-1);
    const number = BigInt(this.blocks.length);
    this.#salt += 1;
    const hash = keccak256(toHex(`block ${number} ${this.#salt}`));
    const timestampS = 1_700_000_000 + Number(number) * this.secondsPerBlock;
    const header = { number, hash, parentHash: parent?.header.hash ?? keccak256(zeroAddress), timestampS };
    const state: State = {
      balances: new Map(parent?.after.balances),
      used: new Set(parent?.after.used),
      spent: new Set(parent?.after.spent),
    };
    const block: Block = { header, sent: [], logs: [], after: state };
    const refused: Sent[] = [];
    for (const one of sent) {
      const logs = this.#run(state, one.action, timestampS);
      if (!logs) {
        refused.push(one);
        continue;
      }
      block.sent.push(one);
      for (const log of logs) {
        block.logs.push({
          ...log,
          blockNumber: number,
          blockHash: hash,
          txHash: one.hash,
          logIndex: block.logs.length,
        });
      }
    }
    this.blocks.push(block);
    return refused;
  }

  mineEmpty(count: number): void {
    for (let index = 0; index < count; index += 1) this.mine([]);
  }

  /** Takes the newest blocks away; gives what was in them, oldest first. */
  drop(count: number): Sent[] {
    return this.blocks.splice(-count).flatMap((block) => block.sent);
  }

  balanceAt(address: Address, number: bigint): bigint {
    return this.blocks[Number(number)]?.after.balances.get(address) ?? 0n;
  }

  /** Null, and nothing changed, where the contracts would revert. */
  #run(state: State, action: Action, timestampS: number): RawLog[] | null {
    const { token } = this;
    const move = (from: Address, to: Address, value: bigint): RawLog[] | null => {
      const balance = state.balances.get(from) ?? 0n;
      if (from !== zeroAddress && balance < value) return null;
      if (from !== zeroAddress) state.balances.set(from, balance - value);
      state.balances.set(to, (state.balances.get(to) ?? 0n) + value);
      return [logOf(token, 'Transfer', { from, to, value })];
    };
    switch (action.kind) {
      case 'mint':
        return move(zeroAddress, action.to, action.amount);
      case 'transfer':
        return move(action.from, action.to, action.amount);
      case 'withdraw': {
        const { to, amount } = action;
        const logs = move(action.wallet, to, amount);
        return logs && [logOf(action.wallet, 'Withdrawn', { token, to, amount }), ...logs];
      }
      case 'freeze':
        return [logOf(action.wallet, 'Frozen', { caller: action.caller })];
      case 'raw':
        return [...action.logs];
      case 'cancel':
        if (state.used.has(action.nonce)) return null;
        state.used.add(action.nonce);
        return [logOf(token, 'AuthorizationCanceled', { authorizer: action.purse, nonce: action.nonce })];
      case 'authorized': {
        const { purse, nonce, to, amount } = action;
        if (state.used.has(nonce) || timestampS >= action.validBefore) return null;
        const logs = move(purse, to, amount);
        if (!logs) return null;
        state.used.add(nonce);
        state.spent.add(nonce);
        return [logOf(token, 'AuthorizationUsed', { authorizer: purse, nonce }), ...logs];
      }
      case 'pay':
        return this.#payBatch(state, action, move);
      default:
        return action satisfies never;
    }
  }

  #payBatch(
    state: State,
    { wallet, policyDigest, items }: Action & { kind: 'pay' },
    move: (from: Address, to: Address, value: bigint) => RawLog[] | null,
  ): RawLog[] | null {
    const total = items.reduce((sum, { amount }) => sum + amount, 0n);
    const keys = new Set(items.map(({ chainKey }) => chainKey));
    if ((state.balances.get(wallet) ?? 0n) < total || keys.size < items.length) return null;
    if (items.some(({ chainKey }) => state.used.has(chainKey))) return null;
    return items.flatMap(({ chainKey: paymentId, payee, amount, decisionHash }) => {
      state.used.add(paymentId);
      state.spent.add(paymentId);
      const args = { paymentId, payee, policyDigest, amount, decisionHash };
      return [logOf(wallet, 'PaymentExecuted', args), ...(move(wallet, payee, amount) ?? [])];
    });
  }

  async #answer<T>(give: () => T): Promise<T> {
    if (this.failure) throw this.failure;
    return give();
  }
  head = () => this.#answer(() => this.tip.header);
  header = (number: bigint) => this.#answer(() => this.blocks[Number(number)]?.header ?? null);
  finalized = () => this.#answer(() => this.finalizedTag);
  logs: ChainSource['logs'] = async (range) => {
    await this.beforeLogs?.();
    return this.#answer(() => {
      if (!('blockHash' in range)) {
        return this.blocks.slice(Number(range.fromBlock), Number(range.toBlock) + 1).flatMap((block) => block.logs);
      }
      const block = this.blocks.find(({ header }) => header.hash === range.blockHash);
      if (!block) throw new BursarError('chain_unavailable', { message: 'unknown block' });
      return block.logs;
    });
  };
  balanceOf = (address: Address, number: bigint) => this.#answer(() => this.balanceAt(address, number));
  authorizationState = (_purse: Address, nonce: Hex, number: bigint) =>
    this.#answer(() => this.blocks[Number(number)]?.after.used.has(nonce) ?? false);
}
