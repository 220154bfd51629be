import { type Address, decodeEventLog, type Hex, toEventSelector } from 'viem';
import { BursarError } from '../../core/errors/base.ts';
import { agentWalletAbi } from '../contracts/contracts.generated.ts';
import type { ChainLog } from '../node/source.ts';

/** A change by the owner (or a matured raise) in a wallet; freezing has its own facts. */
const names = [
  'CeilingsChanged',
  'RaiseScheduled',
  'RaiseCancelled',
  'ExecutorChanged',
  'GuardianChanged',
  'ApproversChanged',
  'AllowListSwitched',
  'AllowedChanged',
  'ValidUntilChanged',
  'OwnershipTransferStarted',
  'OwnershipTransferred',
  'EpochRaised',
  'ApprovalRevoked',
] as const;
type Name = (typeof names)[number];
type Position = Pick<ChainLog, 'blockNumber' | 'blockHash' | 'txHash' | 'logIndex'>;

export type WalletChangeFact = {
  type: 'wallet_changed';
  at: Position;
  wallet: Address;
  change: Name;
  args: Record<string, unknown>;
};

const isChange = (name: string): name is Name => names.some((each) => each === name);

export const changeSelectors: readonly Hex[] = names.map((name) => {
  const item = agentWalletAbi.find((each) => each.type === 'event' && each.name === name);
  if (item?.type !== 'event') throw new BursarError('invariant_violated');
  return toEventSelector(item);
});

/** Returns the log as a change, or null. Throws if it cannot be read. */
export function readChange(
  log: { topics: readonly Hex[]; data: Hex },
  at: Position,
  wallet: Address,
): WalletChangeFact | null {
  const { eventName, args } = decodeEventLog({
    abi: agentWalletAbi,
    topics: log.topics as [Hex, ...Hex[]],
    data: log.data,
  });
  return isChange(eventName) ? { type: 'wallet_changed', at, wallet, change: eventName, args: { ...args } } : null;
}

/**
 * Leaves out the events of a wallet's deployment: from OpenZeppelin's first `OwnershipTransferred` (from address zero) to
 * `AllowListSwitched`, the constructor's last. Later changes by the owner in the same transaction are kept.
 */
export function withoutMaking(facts: readonly WalletChangeFact[]): WalletChangeFact[] {
  const inMaking = new Set<Address>();
  return facts.filter(({ wallet, change, args }) => {
    if (change === 'OwnershipTransferred' && BigInt(String(args.previousOwner)) === 0n) inMaking.add(wallet);
    const isMaking = inMaking.has(wallet);
    if (isMaking && change === 'AllowListSwitched') inMaking.delete(wallet);
    return !isMaking;
  });
}
