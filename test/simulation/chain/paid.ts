import { type Address, getAddress, type Hex, toEventSelector } from 'viem';
import { agentWalletAbi } from '../../../src/chain/contracts/contracts.generated.ts';
import type { Block } from './block.ts';

/** One payment as the chain made it: what announced it, and the transfer that followed. */
export type PaidOnChain = {
  /** The payment's bytes32, or the nonce of the authorization. */
  key: Hex;
  from: Address;
  to: Address;
  amount: bigint;
  block: number;
};

const executed = agentWalletAbi.find((item) => item.type === 'event' && item.name === 'PaymentExecuted');
if (executed?.type !== 'event') throw new Error('The wallet has no event PaymentExecuted.');
const announcements = new Set([
  toEventSelector(executed),
  toEventSelector('event AuthorizationUsed(address indexed authorizer, bytes32 indexed nonce)'),
]);
const transferSelector = toEventSelector('event Transfer(address indexed from, address indexed to, uint256 value)');
const known = new WeakMap<Block, PaidOnChain[]>();

/** Payments in the block, read from its logs alone. */
function paidIn(block: Block): PaidOnChain[] {
  const before = known.get(block);
  if (before) return before;
  const found: PaidOnChain[] = [];
  for (const { logs } of block.included) {
    for (const [index, log] of logs.entries()) {
      const selector = log.topics[0] as Hex;
      if (!announcements.has(selector)) continue;
      const transfer = logs[index + 1];
      if (transfer?.topics[0] !== transferSelector)
        throw new Error('The model announced a payment without a transfer.');
      const key = (selector === toEventSelector(executed as never) ? log.topics[1] : log.topics[2]) as Hex;
      const [from, to] = [transfer.topics[1], transfer.topics[2]].map((topic) => addressIn(topic as Hex));
      found.push({ key, from: from as Address, to: to as Address, amount: BigInt(transfer.data), block: block.number });
    }
  }
  known.set(block, found);
  return found;
}

/** All payments on the branch that ends with that block, the newest first. */
export function paidOn(tip: Block): PaidOnChain[] {
  const all: PaidOnChain[] = [];
  for (let at: Block | null = tip; at; at = at.parent) all.push(...paidIn(at));
  return all;
}

const addressIn = (topic: Hex): Address => getAddress(`0x${topic.slice(26)}`);
