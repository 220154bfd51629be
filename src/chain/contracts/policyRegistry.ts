import { type Address, encodeFunctionData, type Hex } from 'viem';
import type { Chain } from '../node/chain.ts';
import type { Call } from './agentWallet.ts';
import { policyRegistryAbi } from './contracts.generated.ts';

/** Activates a policy (bytes32) from that second on; 0 means at once. The earlier policy stays active for the grace period. */
export function activatePolicyCall(registry: Address, policyDigest: Hex, fromS = 0n): Call {
  const args = [policyDigest, fromS] as const;
  return { to: registry, data: encodeFunctionData({ abi: policyRegistryAbi, functionName: 'activate', args }) };
}

/** Activates a policy (bytes32) as the only active one: all others end in the same call, without grace. */
export function activateOnlyCall(registry: Address, policyDigest: Hex): Call {
  const args = [policyDigest] as const;
  return { to: registry, data: encodeFunctionData({ abi: policyRegistryAbi, functionName: 'activateOnly', args }) };
}

/** Ends a policy (bytes32) at once, without grace. */
export function retirePolicyCall(registry: Address, policyDigest: Hex): Call {
  return {
    to: registry,
    data: encodeFunctionData({ abi: policyRegistryAbi, functionName: 'retire', args: [policyDigest] }),
  };
}

export type RegistryState = {
  owner: Address;
  pendingOwner: Address;
  /** bytes32; zero means none. */
  current: Hex;
  scheduled: Hex;
  gracePeriodS: number;
  /**
   * The active period of each policy: epoch seconds, `untilS` null without an end. Policies that were never activated are left out.
   */
  windows: { digest: Hex; fromS: number; untilS: number | null }[];
};

const OPEN = 2n ** 64n - 1n;

/**
 * Reads the owner of the registry, its current and its scheduled policy, and the state of these policies (bytes32). Throws
 * `chain_unavailable`.
 */
export async function readRegistry(chain: Chain, registry: Address, digests: readonly Hex[]): Promise<RegistryState> {
  return chain.run(async (client) => {
    const at = { address: registry, abi: policyRegistryAbi, blockNumber: await client.getBlockNumber() } as const;
    const [owner, pendingOwner, current, scheduled, gracePeriodS] = await Promise.all([
      client.readContract({ ...at, functionName: 'owner' }),
      client.readContract({ ...at, functionName: 'pendingOwner' }),
      client.readContract({ ...at, functionName: 'current' }),
      client.readContract({ ...at, functionName: 'scheduled' }),
      client.readContract({ ...at, functionName: 'gracePeriod' }),
    ]);
    const asked = [...new Set([current, scheduled, ...digests])].filter((digest) => BigInt(digest) !== 0n);
    const found = await Promise.all(
      asked.map((digest) => client.readContract({ ...at, functionName: 'windowOf', args: [digest] })),
    );
    const windows = asked.flatMap((digest, index) => {
      const [from, until] = found[index] ?? [0n, 0n];
      return until === 0n ? [] : [{ digest, fromS: Number(from), untilS: until === OPEN ? null : Number(until) }];
    });
    return { owner, pendingOwner, current, scheduled, gracePeriodS, windows };
  });
}

/** Tells whether wallets may pay under that policy (bytes32) now. Throws `chain_unavailable`. */
export async function isPolicyActive(chain: Chain, registry: Address, policyDigest: Hex): Promise<boolean> {
  return chain.run((client) =>
    client.readContract({ address: registry, abi: policyRegistryAbi, functionName: 'isActive', args: [policyDigest] }),
  );
}
