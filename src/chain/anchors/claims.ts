import type { Address } from 'viem';
import type { FollowedLog } from '../../books/transparency/followLog.ts';
import { type AnchorHistory, handOvers } from './anchorLogs.ts';

export type AnchorCheck = { name: string; ok: boolean; detail: string };
/** A head from any source: the log must have had this root after that many events. */
export type Claim = { size: number; root: string; where: string };
/**
 * The registry and node that anchors were read from. `owner`: the required owner of the registry; null: the one it was made for.
 */
export type ReadFrom = { registry: Address; chainId: number; owner: Address | null; rpcHost: string };

/** Checks that the log had every head; the first wrong one shows between which events the log was changed. */
export function compared(name: string, claims: readonly Claim[], log: FollowedLog): AnchorCheck {
  const sorted = [...claims].sort((a, b) => a.size - b.size);
  let good = 0;
  for (const { size, root, where } of sorted) {
    if (size > log.size) {
      const detail = `${where} is of ${size} events and the log has ${log.size}: ${size - log.size} or more were deleted, or this is another log.`;
      return { name, ok: false, detail };
    }
    if (log.roots.get(size) !== root) {
      const detail = `${where} is of ${size} events with the root ${root}, and the log has the root ${log.roots.get(size)} there: an event between ${good + 1} and ${size} was deleted, inserted or changed, or events were reordered.`;
      return { name, ok: false, detail };
    }
    good = size;
  }
  const detail =
    sorted.length === 0
      ? 'There are none.'
      : `${sorted.length} heads, of ${sorted[0]?.size} to ${good} events: nothing up to event ${good} was deleted, inserted or changed.`;
  return { name, ok: true, detail };
}

/** Two heads of one size must have one root, in every source. */
export function agreement(claims: readonly Claim[]): AnchorCheck {
  const name = 'anchor_agreement';
  const bySize = new Map<number, Claim>();
  for (const claim of claims) {
    const other = bySize.get(claim.size);
    if (other && other.root !== claim.root) {
      const detail = `${other.where} and ${claim.where} are both of ${claim.size} events and have the roots ${other.root} and ${claim.root}: two logs were anchored as one.`;
      return { name, ok: false, detail };
    }
    bySize.set(claim.size, claim);
  }
  return { name, ok: true, detail: `${bySize.size} sizes, one root for each.` };
}

/** The events that no head outside the database covers. This is not a fault, and is always reported. */
export function rest(outside: readonly Claim[], log: FollowedLog): AnchorCheck {
  const covered = outside.reduce((most, { size }) => (size <= log.size ? Math.max(most, size) : most), 0);
  const left = log.size - covered;
  const since = log.at.get(covered + 1) ?? log.firstAt;
  const detail =
    left === 0
      ? `All ${log.size} events are covered by a head outside the database.`
      : `${left} of ${log.size} events come after the last head outside the database${since ? `, since ${since}` : ''}: for them the database alone speaks.`;
  return { name: 'anchor_rest', ok: true, detail };
}

export function sourceCheck(history: AnchorHistory, { registry, rpcHost, chainId }: ReadFrom): AnchorCheck {
  const ok = history.contradictions.length === 0;
  const detail = ok
    ? `${history.anchors.length} anchors in ${registry} on chain ${chainId} up to block ${history.block}; logs and state of the RPC at ${rpcHost} agree.`
    : `The RPC at ${rpcHost} contradicts itself: ${history.contradictions.join('; ')}. Ask another one.`;
  return { name: 'anchor_chain', ok, detail };
}

/** An owner may anchor and name anchorers, so a registry with a new owner belongs to another party from then on. */
export function ownerCheck(history: AnchorHistory, { owner }: ReadFrom): AnchorCheck {
  const name = 'anchor_registry_owner';
  const changed = handOvers(history).map(({ from, to, block }) => `from ${from} to ${to} in block ${block}`);
  if (owner === null) {
    const ok = changed.length === 0;
    const detail = ok
      ? `${history.owner} has owned the registry from the start.`
      : `The registry changed hands ${changed.join(', ')}. If that was meant, set \`anchors.registry_owner\` to ${history.owner}.`;
    return { name, ok, detail };
  }
  const ok = owner === history.owner;
  const said = changed.length === 0 ? '' : ` It changed hands ${changed.join(', ')}.`;
  const detail = `${history.owner} owns the registry${ok ? ', as configured' : `, and ${owner} is configured`}.${said}`;
  return { name, ok, detail };
}

export function anchorClaims(history: AnchorHistory, chainId: number): Claim[] {
  return history.anchors.map(({ size, root, by, block }) => ({
    size,
    root,
    where: `the anchor by ${by} in block ${block} of chain ${chainId}`,
  }));
}
