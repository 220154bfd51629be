import type { Address } from 'viem';
import { oneAtATime } from '../../api/operations/oneAtATime.ts';
import { originOf } from '../../books/transparency/heads.ts';
import { noteSigner } from '../../books/transparency/note.ts';
import { type EventLog, openEventLog } from '../../chain/anchors/eventLog.ts';
import type { KeyProvider } from '../../chain/keys/keys.ts';
import type { Chain } from '../../chain/node/chain.ts';
import type { Store } from '../../store/store.ts';
import type { Config } from './config.ts';

const HOUR_MS = 3_600_000;

type Parts = {
  store: Store;
  chain: Chain;
  keys: KeyProvider;
  roles: readonly string[];
  config: Config;
  rpcUrl: string;
  clock: () => number;
  wake: () => void;
};

/**
 * The event log's heads and anchors; null if no key signs them. Without a file of checkpoints none is written.
 */
export async function eventLogOf(parts: Parts): Promise<EventLog | null> {
  const { store, chain, keys, roles, config, rpcUrl, clock, wake } = parts;
  const signer = await keys.logSigner?.();
  if (!signer) return null;
  const { anchors } = config;
  const { registry, factory } = config.chain;
  const senders: Address[] = [];
  for (const role of ['anchorer', 'owner']) if (roles.includes(role)) senders.push(await keys.address(role));
  const log = openEventLog({
    store,
    chain,
    clock,
    wake,
    signer: noteSigner(originOf(chain.chainId, registry ?? factory), signer),
    file: anchors.file,
    registry: anchors.on_chain ? registry : null,
    registryOwner: anchors.registry_owner,
    fromBlock: BigInt(config.chain.start_block ?? 0),
    rpcHost: new URL(rpcUrl).host,
    senders,
    everyMs: anchors.every_hours * HOUR_MS,
  });
  return { ...log, check: oneAtATime(log.check) };
}
