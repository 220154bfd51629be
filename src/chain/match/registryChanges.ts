import { decodeEventLog, type Hex, toEventSelector } from 'viem';
import { appendEvent } from '../../books/ledger/events.ts';
import { BursarError } from '../../core/errors/base.ts';
import type { Tx } from '../../store/store.ts';
import { policyRegistryAbi } from '../contracts/contracts.generated.ts';
import type { ChainLog } from '../node/source.ts';
import { ownAttempt } from './queries.ts';

const names = [
  'PolicyActivated',
  'PolicyRetired',
  'AnchorerChanged',
  'OwnershipTransferStarted',
  'OwnershipTransferred',
] as const;
type Name = (typeof names)[number];
/** Anchors are left out: they change nothing in the registry. */
const changeAbi = policyRegistryAbi.filter((item) => item.type === 'event' && item.name !== 'Anchored');
type Position = Pick<ChainLog, 'blockNumber' | 'blockHash' | 'txHash' | 'logIndex'>;

/** A change in the organisation's policy registry. */
export type RegistryChangeFact = {
  type: 'registry_changed';
  at: Position;
  change: Name;
  args: Record<string, unknown>;
};

export const registrySelectors: readonly Hex[] = names.map((name) => {
  const item = policyRegistryAbi.find((each) => each.type === 'event' && each.name === name);
  if (item?.type !== 'event') throw new BursarError('invariant_violated');
  return toEventSelector(item);
});

/** Returns the log as a change, or null. Throws if it cannot be read. */
export function readRegistryChange(
  log: { topics: readonly Hex[]; data: Hex },
  at: Position,
): RegistryChangeFact | null {
  if (!registrySelectors.some((selector) => selector === log.topics[0])) return null;
  const { eventName, args } = decodeEventLog({
    abi: changeAbi,
    topics: log.topics as [Hex, ...Hex[]],
    data: log.data,
  });
  return { type: 'registry_changed', at, change: eventName, args: { ...args } };
}

/**
 * Changes that this server sent are already recorded (`policy.activated`), and the events of the registry's deployment are left
 * out.
 */
export async function noteRegistryChange(
  tx: Tx,
  { at, change, args }: RegistryChangeFact,
  atMs: number,
): Promise<void> {
  if (await tx.get(ownAttempt, { hash: at.txHash })) return;
  if (change === 'OwnershipTransferred' && BigInt(String(args.previousOwner)) === 0n) return;
  const values = Object.fromEntries(
    Object.entries(args).map(([name, value]) => [
      snake(name),
      typeof value === 'bigint' ? value.toString() : /^0x[0-9a-f]{64}$/.test(String(value)) ? digestOf(value) : value,
    ]),
  );
  const place = { tx_hash: at.txHash, log_index: at.logIndex, block: at.blockNumber.toString() };
  const data = { change: snake(change), values, ...place };
  await appendEvent(tx, { type: 'registry.changed', actor: 'chain', data }, atMs);
}

const digestOf = (value: unknown): string | null =>
  BigInt(String(value)) === 0n ? null : `sha256:${String(value).slice(2)}`;
const snake = (name: string): string => name.replaceAll(/(?<=.)[A-Z]/g, (letter) => `_${letter}`).toLowerCase();
