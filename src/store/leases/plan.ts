/** A lease as it is stored. */
export type Lease = {
  name: string;
  /** The id of a server process; null: nobody. */
  holder: string | null;
  fence: bigint;
  expiresAtMs: number;
  claimedBy: string | null;
  claimedAtMs: number | null;
};

/** What one server wants of the leases. */
export type Wanted = {
  names: readonly string[];
  /** Leases with the same answer are spread evenly over the servers; one with null stays where it is. */
  spread: (name: string) => string | null;
  /** Leases that this server needs now, whatever their holder. */
  urgent: ReadonlySet<string>;
};

/** A holder renews every `RENEW_MS`; a dead one loses its leases after `LEASE_MS`, and the next round of another server takes them. */
export const LEASE_MS = 6_000;
export const RENEW_MS = 2_000;
/** So long a claim counts: the holder's next round gives the lease up, and the claimant's next round takes it. */
const CLAIM_MS = LEASE_MS;

/**
 * One round of one server over all leases: renews those it holds, gives up what another server claims, takes what is free, and claims
 * what it needs or what is not spread evenly. Returns the rows that change. Pure.
 */
export function planRound(rows: ReadonlyMap<string, Lease>, me: string, wanted: Wanted, nowMs: number): Lease[] {
  const changed: Lease[] = [];
  const after = new Map(rows);
  const put = (lease: Lease): void => {
    changed.push(lease);
    after.set(lease.name, lease);
  };
  for (const name of wanted.names) {
    const lease = rows.get(name) ?? unheld(name);
    const claimant = claimantOf(lease, nowMs);
    if (lease.holder === me) {
      const gives = claimant !== null && claimant !== me && !wanted.urgent.has(name);
      if (gives) put({ ...lease, holder: null, expiresAtMs: nowMs });
      else put({ ...lease, expiresAtMs: nowMs + LEASE_MS, claimedBy: null, claimedAtMs: null });
    } else if (isHeld(lease, nowMs)) {
      if (wanted.urgent.has(name) && claimant === null) put(claimed(lease, me, nowMs));
    } else if (claimant === null || claimant === me) {
      put({
        ...unheld(name),
        holder: me,
        fence: lease.fence + 1n,
        expiresAtMs: nowMs + LEASE_MS,
      });
    }
  }
  for (const lease of evenOut([...after.values()], me, wanted, nowMs)) put(lease);
  return changed;
}

const unheld = (name: string): Lease => ({
  name,
  holder: null,
  fence: 0n,
  expiresAtMs: 0,
  claimedBy: null,
  claimedAtMs: null,
});

/** An expiry further ahead than a lease lasts comes from a clock that was set back since. */
const isHeld = ({ holder, expiresAtMs }: Lease, nowMs: number): boolean =>
  holder !== null && expiresAtMs > nowMs && expiresAtMs <= nowMs + LEASE_MS;

function claimantOf({ claimedBy, claimedAtMs }: Lease, nowMs: number): string | null {
  if (claimedBy === null || claimedAtMs === null) return null;
  const ageMs = nowMs - claimedAtMs;
  return ageMs >= 0 && ageMs < CLAIM_MS ? claimedBy : null;
}

const claimed = (lease: Lease, me: string, nowMs: number): Lease => ({ ...lease, claimedBy: me, claimedAtMs: nowMs });

/** Claims one lease of the busiest holder where that one has at least two more than this server has or has claimed. */
function evenOut(leases: readonly Lease[], me: string, { names, spread }: Wanted, nowMs: number): Lease[] {
  const groups = new Map<string, Lease[]>();
  for (const lease of leases) {
    const group = spread(lease.name);
    if (group === null || !names.includes(lease.name)) continue;
    groups.set(group, [...(groups.get(group) ?? []), lease]);
  }
  return [...groups.values()].flatMap((group) => {
    const ownerOf = (lease: Lease): string | null =>
      claimantOf(lease, nowMs) ?? (isHeld(lease, nowMs) ? lease.holder : null);
    const counts = new Map<string, number>();
    for (const lease of group) {
      const owner = ownerOf(lease);
      if (owner !== null) counts.set(owner, (counts.get(owner) ?? 0) + 1);
    }
    const [busiest, most] = [...counts].reduce((a, b) => (b[1] > a[1] ? b : a), ['', 0]);
    const one = group.find((lease) => ownerOf(lease) === busiest && lease.holder === busiest);
    return one && busiest !== me && most - (counts.get(me) ?? 0) >= 2 ? [claimed(one, me, nowMs)] : [];
  });
}
