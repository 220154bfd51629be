import {
  type Address,
  BaseError,
  decodeEventLog,
  type Hex,
  isAddressEqual,
  numberToHex,
  type RpcLog,
  RpcRequestError,
  toEventSelector,
  zeroAddress,
} from 'viem';
import { BursarError } from '../../core/errors/base.ts';
import { policyRegistryAbi } from '../contracts/contracts.generated.ts';
import type { Chain } from '../node/chain.ts';
import { readAnchorers, readLatestAnchor } from './anchorCall.ts';

type Place = { block: bigint; txHash: Hex; logIndex: number };
export type ChainAnchor = Place & { size: number; root: string; by: Address };
export type OwnerChange = Place & { from: Address; to: Address };
export type AnchorHistory = {
  /** In the order of the chain. */
  anchors: ChainAnchor[];
  owners: OwnerChange[];
  anchorers: OwnerChange[];
  owner: Address;
  anchorer: Address | null;
  /** The block at which everything is read. */
  block: bigint;
  /** Contradictions in the node's own answers: logs that its state requires, and the reverse. */
  contradictions: string[];
};

const NAMES = ['Anchored', 'OwnershipTransferred', 'AnchorerChanged'] as const;
const events = policyRegistryAbi.filter((item) => item.type === 'event');
const selectors = NAMES.map((name) => toEventSelector(events.find((item) => item.name === name) as never));
/** How often a node that contradicts itself is asked again before the contradiction is reported. */
const ATTEMPTS = 3;
/** The number of log requests in one read: a node that accepts only small ranges needs `fromBlock`. */
const QUESTIONS_MAX = 20_000;

/**
 * Reads all anchors of a registry and all changes of who may make them, from `fromBlock` on. The logs are compared with the
 * registry's state at the same block, and requested again while they differ. Throws `chain_unavailable`, `not_found` (no registry).
 */
export async function readAnchorHistory(chain: Chain, registry: Address, fromBlock: bigint): Promise<AnchorHistory> {
  let history: AnchorHistory | null = null;
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    history = await readOnce(chain, registry, fromBlock);
    if (history.contradictions.length === 0) return history;
  }
  return history as AnchorHistory;
}

async function readOnce(chain: Chain, registry: Address, fromBlock: bigint): Promise<AnchorHistory> {
  const block = await chain.run((client) => client.getBlockNumber({ cacheTime: 0 }));
  if ((await chain.run((client) => client.getCode({ address: registry, blockNumber: block }))) === undefined) {
    throw new BursarError('not_found', { message: `There is no contract at ${registry} on chain ${chain.chainId}.` });
  }
  const { owner, anchorer } = await readAnchorers(chain, registry);
  const answered = await logsOf(chain, registry, { from: fromBlock, to: block }, { left: QUESTIONS_MAX });
  const logs = answered.filter((log) => strayOf(log, registry, fromBlock, block).length === 0).sort(inChainOrder);
  const history: AnchorHistory = {
    anchors: [],
    owners: [],
    anchorers: [],
    owner,
    anchorer,
    block,
    contradictions: answered.flatMap((log) => strayOf(log, registry, fromBlock, block)),
  };
  for (const log of logs) take(history, log);
  const callers = new Set([owner, ...(anchorer ? [anchorer] : []), ...history.anchors.map(({ by }) => by)]);
  for (const by of callers) {
    const told = history.anchors.filter((each) => each.by === by).at(-1);
    const stated = await readLatestAnchor(chain, registry, by, block);
    if (stated?.size === told?.size && stated?.root === told?.root) continue;
    // An anchor before `fromBlock` is in the state and not in the logs.
    if (told === undefined && fromBlock > 0n) continue;
    history.contradictions.push(
      `its state says that the last anchor of ${by} has ${stated?.size ?? 0} events, its logs say ${told?.size ?? 0}`,
    );
  }
  const lastOwner = history.owners.at(-1);
  if (fromBlock === 0n && lastOwner?.to !== owner) {
    history.contradictions.push(
      `its state says that ${owner} owns the registry, its logs say ${lastOwner?.to ?? 'nobody'}`,
    );
  }
  return history;
}

type Range = { from: bigint; to: bigint };

/** Halves a range that the node refuses. */
async function logsOf(chain: Chain, registry: Address, range: Range, questions: { left: number }): Promise<RpcLog[]> {
  if (questions.left === 0) {
    throw new BursarError('chain_unavailable', {
      message: 'The RPC takes only small ranges of blocks: name the block to begin at, or another RPC.',
    });
  }
  questions.left -= 1;
  try {
    return await chain.run((client) =>
      client.request({
        method: 'eth_getLogs',
        params: [
          {
            address: registry,
            topics: [selectors],
            fromBlock: numberToHex(range.from),
            toBlock: numberToHex(range.to),
          },
        ],
      }),
    );
  } catch (error) {
    if (range.from >= range.to || !isRefusal(error)) throw error;
    const middle = (range.from + range.to) / 2n;
    const first = await logsOf(chain, registry, { from: range.from, to: middle }, questions);
    return [...first, ...(await logsOf(chain, registry, { from: middle + 1n, to: range.to }, questions))];
  }
}

const isRefusal = (error: unknown): boolean =>
  error instanceof BaseError && error.walk((cause) => cause instanceof RpcRequestError) !== null;

const inChainOrder = (a: RpcLog, b: RpcLog): number =>
  Number(BigInt(a.blockNumber ?? '0x0') - BigInt(b.blockNumber ?? '0x0')) || Number(a.logIndex) - Number(b.logIndex);

/** A log that was not requested proves nothing. */
function strayOf(log: RpcLog, registry: Address, from: bigint, to: bigint): string[] {
  const number = log.blockNumber === null ? null : BigInt(log.blockNumber);
  const isAsked =
    isAddressEqual(log.address, registry) &&
    selectors.some((selector) => selector === log.topics[0]) &&
    number !== null &&
    number >= from &&
    number <= to &&
    log.transactionHash !== null;
  return isAsked
    ? []
    : [`it answers with a log of ${log.address} in block ${number ?? 'unknown'}, which was not asked for`];
}

function take(history: AnchorHistory, log: RpcLog): void {
  if (log.blockNumber === null || log.transactionHash === null || log.logIndex === null) return;
  const place = { block: BigInt(log.blockNumber), txHash: log.transactionHash, logIndex: Number(log.logIndex) };
  try {
    const { eventName, args } = decodeEventLog({ abi: events, topics: log.topics as [Hex, ...Hex[]], data: log.data });
    if (eventName === 'Anchored') {
      history.anchors.push({ ...place, size: Number(args.size), root: args.root.slice(2), by: args.by });
    } else if (eventName === 'OwnershipTransferred') {
      history.owners.push({ ...place, from: args.previousOwner, to: args.newOwner });
    } else if (eventName === 'AnchorerChanged') {
      history.anchorers.push({ ...place, from: args.previous, to: args.next });
    }
  } catch {
    history.contradictions.push(`it answers with a log in transaction ${place.txHash} that cannot be read`);
  }
}

/** Owners after the one that the registry was made for. */
export const handOvers = (history: AnchorHistory): OwnerChange[] =>
  history.owners.filter(({ from }) => from !== zeroAddress);
