import type { Address } from 'viem';
import type { FollowedLog } from '../../books/transparency/followLog.ts';
import { leafHash, RunningTree } from '../../books/transparency/merkle.ts';
import { BursarError } from '../../core/errors/base.ts';
import type { Chain } from '../node/chain.ts';
import { readAnchorHistory } from './anchorLogs.ts';
import { type AnchorCheck, agreement, anchorClaims, compared, ownerCheck, rest, sourceCheck } from './claims.ts';

export type LogAudit = {
  /** The bodies of all events from the first on, one per line, as written by `bursar anchor export`. */
  bodies: readonly string[];
  chain: Chain;
  /** The organisation's registry, as the auditor knows it. */
  registry: Address;
  owner: Address | null;
  fromBlock: bigint;
  rpcHost: string;
};

/**
 * Compares an exported log with all anchors of a registry, using only a node: every event up to the last anchor is there,
 * unchanged. Throws `chain_unavailable`, `not_found` (no registry).
 */
export async function verifyLog({ bodies, chain, ...asked }: LogAudit): Promise<AnchorCheck[]> {
  const history = await readAnchorHistory(chain, asked.registry, asked.fromBlock).catch((error: unknown) => {
    if (error instanceof BursarError) throw error;
    throw new BursarError('chain_unavailable', {
      message: 'The RPC gave an answer that makes no sense.',
      cause: error,
    });
  });
  const claims = anchorClaims(history, chain.chainId);
  const sizes = new Set(claims.map(({ size }) => size));
  const readFrom = { ...asked, chainId: chain.chainId };
  const { log, check } = followBodies(bodies, sizes);
  return [
    check,
    sourceCheck(history, readFrom),
    ownerCheck(history, readFrom),
    compared('anchor_chain_heads', claims, log),
    agreement(claims),
    rest(claims, log),
  ];
}

function followBodies(bodies: readonly string[], sizes: ReadonlySet<number>): { log: FollowedLog; check: AnchorCheck } {
  const tree = new RunningTree();
  const log: FollowedLog = { size: 0, roots: new Map(), at: new Map(), firstAt: null };
  let wrong: number | null = null;
  for (const body of bodies) {
    const event = parsed(body);
    if (event?.seq !== tree.size + 1) wrong ??= tree.size + 1;
    const at = typeof event?.at === 'string' ? event.at : null;
    if (tree.size === 0) log.firstAt = at;
    if (sizes.has(tree.size) && at !== null) log.at.set(tree.size + 1, at);
    tree.add(leafHash(body));
    if (sizes.has(tree.size)) log.roots.set(tree.size, tree.root().toString('hex'));
  }
  log.size = tree.size;
  const detail =
    wrong === null
      ? `${log.size} events, numbered from 1 without a gap.`
      : `Line ${wrong} of the file is not event ${wrong}.`;
  return { log, check: { name: 'anchor_numbering', ok: wrong === null, detail } };
}

function parsed(body: string): { seq?: unknown; at?: unknown } | null {
  try {
    return JSON.parse(body) as { seq?: unknown } | null;
  } catch {
    return null;
  }
}
