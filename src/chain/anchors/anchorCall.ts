import { type Address, encodeFunctionData, type Hex, zeroAddress } from 'viem';
import { policyRegistryAbi } from '../contracts/contracts.generated.ts';
import type { Chain } from '../node/chain.ts';

type Call = { to: Address; data: Hex };
const abi = policyRegistryAbi;

/** Anchors a head in the registry. `root`: 64 hex digits. */
export function anchorCall(registry: Address, size: number, root: string): Call {
  return {
    to: registry,
    data: encodeFunctionData({ abi, functionName: 'anchor', args: [BigInt(size), `0x${root}`] }),
  };
}

/** Names the account that may anchor, besides the registry's owner. */
export function setAnchorerCall(registry: Address, anchorer: Address): Call {
  return { to: registry, data: encodeFunctionData({ abi, functionName: 'setAnchorer', args: [anchorer] }) };
}

/** Returns who may anchor; `anchorer` is null if the owner named nobody. Throws `chain_unavailable`. */
export async function readAnchorers(
  chain: Chain,
  registry: Address,
): Promise<{ owner: Address; anchorer: Address | null }> {
  return chain.run(async (client) => {
    const at = { address: registry, abi } as const;
    const [owner, anchorer] = await Promise.all([
      client.readContract({ ...at, functionName: 'owner' }),
      client.readContract({ ...at, functionName: 'anchorer' }),
    ]);
    return { owner, anchorer: anchorer === zeroAddress ? null : anchorer };
  });
}

export type LatestAnchor = { size: number; root: string; timeS: number };

/** The last anchor of an account, by the registry's state; null if it made none. Throws `chain_unavailable`. */
export async function readLatestAnchor(
  chain: Chain,
  registry: Address,
  by: Address,
  blockNumber?: bigint,
): Promise<LatestAnchor | null> {
  const [size, root, time] = await chain.run((client) =>
    client.readContract({
      address: registry,
      abi,
      functionName: 'latestAnchor',
      args: [by],
      ...(blockNumber === undefined ? {} : { blockNumber }),
    }),
  );
  return size === 0n ? null : { size: Number(size), root: root.slice(2), timeS: Number(time) };
}
