import { decodeErrorResult, type Hex, isHex, size, sliceHex } from 'viem';
import { agentWalletAbi, agentWalletFactoryAbi, policyRegistryAbi, x402PurseAbi } from './contracts.generated.ts';

export type Revert = { error: string; args: Record<string, string> };

const isError = <T extends { type: string }>(item: T): item is Extract<T, { type: 'error' }> => item.type === 'error';
const errors = [...agentWalletAbi, ...agentWalletFactoryAbi, ...x402PurseAbi, ...policyRegistryAbi].filter(isError);

/** Solidity's panic codes: https://docs.soliditylang.org/en/latest/control-structures.html#panic-via-assert-and-error-via-require */
const panics: Record<string, string> = {
  '1': 'an assertion failed',
  '17': 'arithmetic overflow',
  '18': 'division by zero',
  '33': 'a value outside its enum',
  '49': 'pop of an empty array',
  '50': 'an array index out of range',
  '65': 'out of memory',
};

/**
 * Decodes a contract's error from revert data (`drop_detail` of a refused transaction), with its values by name. Null for a message
 * of the node, or data of another contract.
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
    // Solidity's own `Error(string)` has the token's message.
    if (name === 'Error') return { error: String(values[0]), args: {} };
    if (name === 'Panic') return { error: 'Panic', args: { code: panics[String(values[0])] ?? String(values[0]) } };
    return { error: name, args: Object.fromEntries(named) };
  } catch {
    return null;
  }
}

const WITHOUT_REASON = 'The contract reverted without a reason';

/** The text of a refusal for people: the decoded error with its values, or the node's message. Never raw revert data. */
export function revertText(detail: string): string {
  const revert = explainRevert(detail);
  if (revert?.error === '') return WITHOUT_REASON;
  if (revert) {
    const figures = Object.entries(revert.args).map(([name, value]) => `${name} ${value}`);
    return figures.length > 0 ? `${revert.error} (${figures.join(', ')})` : revert.error;
  }
  if (!isHex(detail)) return detail;
  if (size(detail) < 4) return WITHOUT_REASON;
  return `The contract reverted with an error unknown here (selector ${sliceHex(detail, 0, 4)})`;
}
