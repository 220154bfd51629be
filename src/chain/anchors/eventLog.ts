import { anchorsOf } from '../../books/transparency/anchorRows.ts';
import { growAll, type Head, listHeads, newestHead } from '../../books/transparency/heads.ts';
import { formatVerifierKey } from '../../books/transparency/note.ts';
import {
  type InclusionDocument,
  proveConsistency,
  proveInclusion,
  type Wanted,
} from '../../books/transparency/proof.ts';
import { eventBodies, logSize } from '../../books/transparency/tree.ts';
import type { ReadTx } from '../../store/store.ts';
import { type Anchoring, type AnchoringOptions, createAnchoring } from './anchoring.ts';
import { checkAnchors } from './checkAnchors.ts';
import type { AnchorCheck } from './claims.ts';

export type EventLogOptions = AnchoringOptions & {
  /** The required owner of the registry; null: the one it was made for. */
  registryOwner: AnchoringOptions['registry'];
  /** The block from which the registry's logs are read. */
  fromBlock: bigint;
  /** The host of the RPC, to name it if it contradicts itself. */
  rpcHost: string;
};

export type LogState = { size: number; head: Head | null; verifierKey: string; origin: string; file: string | null };

/** The event log for outsiders: heads, proofs, anchors, and the check of all of them. */
export interface EventLog extends Anchoring {
  state(): Promise<LogState>;
  heads(limit: number): Promise<Head[]>;
  /** Bodies of the events after that many, in order. */
  entries(after: number, limit: number): Promise<string[]>;
  /** Throws `not_found`, `conflict` (no head covers it yet). */
  prove(wanted: Wanted): Promise<InclusionDocument>;
  /** Base64 hashes. Throws `not_found` for sizes that the log never had. */
  consistency(oldSize: number, size: number): Promise<string[]>;
  check(): Promise<AnchorCheck[]>;
}

const HEADS_MAX = 10_000;

export function openEventLog(options: EventLogOptions): EventLog {
  const { store, signer, file, chain, registry, registryOwner, fromBlock, rpcHost } = options;
  const anchoring = createAnchoring(options);
  const records = async (tx: ReadTx) => ({
    heads: await listHeads(tx, HEADS_MAX),
    anchors: await anchorsOf(tx, { limit: HEADS_MAX }),
  });
  return {
    ...anchoring,
    state: () =>
      store.read(async (tx) => ({
        size: await logSize(tx),
        head: await newestHead(tx),
        verifierKey: formatVerifierKey(signer),
        origin: signer.name,
        file,
      })),
    heads: (limit) => store.read((tx) => listHeads(tx, limit)),
    entries: (after, limit) => store.read((tx) => eventBodies(tx, after, limit)),
    prove: async (wanted) => {
      await growAll(store);
      const { name, publicKey } = signer;
      const log = { name, publicKey, chainId: chain.chainId, registry };
      return store.read(async (tx) => proveInclusion(tx, log, await records(tx), wanted));
    },
    consistency: async (oldSize, size) => {
      await growAll(store);
      return store.read((tx) => proveConsistency(tx, oldSize, size));
    },
    check: () =>
      checkAnchors({
        store,
        key: signer,
        file,
        chain: registry === null ? null : { chain, registry, fromBlock, owner: registryOwner, rpcHost },
        pause: () => new Promise((resolve) => setImmediate(resolve)),
      }),
  };
}
