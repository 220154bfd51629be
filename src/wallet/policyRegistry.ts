import { type Address, encodeFunctionData, type Hex } from 'viem';
import type { Call } from './agentWallet.ts';
import type { Chain } from './chain.ts';
import { policyRegistryAbi } from './contracts.generated.ts';

/** Makes a policy (bytes32) the current one from that second on; 0 for at once. The one before stays for the grace period. */
export function activatePolicyCall(registry: Address, policyDigest: Hex, fromS = 0n): Call {
  const args = [policyDigest, fromS] as const;
  return { to: registry, data: encodeFunctionData({ abi: policyRegistryAbi, functionName: 'activate', args }) };
}

/** Whether wallets may pay under that policy (bytes32) now. Throws `chain_unavailable`. */
export async function isPolicyActive(chain: Chain, registry: Address, policyDigest: Hex): Promise<boolean> {
  return chain.run((client) =>
    client.readContract({ address: registry, abi: policyRegistryAbi, functionName: 'isActive', args: [policyDigest] }),
  );
}
