import { decodeErrorResult, type Hex, isHex } from 'viem';
import { agentWalletAbi, agentWalletFactoryAbi, policyRegistryAbi, x402PurseAbi } from './contracts.generated.ts';

export type Revert = { error: string; args: Record<string, string> };

const isError = <T extends { type: string }>(item: T): item is Extract<T, { type: 'error' }> => item.type === 'error';
const errors = [...agentWalletAbi, ...agentWalletFactoryAbi, ...x402PurseAbi, ...policyRegistryAbi].filter(isError);

/**
 * The contract's error in revert data (`outcome.detail` of a refused transaction), with its figures by name: actual and
 * expected. Null for words of the node or data of no contract of ours.
 */
export function explainRevert(detail: string | null): Revert | null {
  if (detail === null || !isHex(detail)) return null;
  const data: Hex = detail;
  try {
    const { errorName, args, abiItem } = decodeErrorResult({ abi: errors, data });
    const name: string = errorName;
    const inputs = abiItem.type === 'error' ? abiItem.inputs : [];
    const values: readonly unknown[] = args ?? [];
    const named = inputs.map((input, index) => [input.name || `${index}`, String(values[index])] as const);
    // Solidity's own `Error(string)` carries the token's words.
    if (name === 'Error') return { error: String(values[0]), args: {} };
    return { error: name, args: Object.fromEntries(named) };
  } catch {
    return null;
  }
}
