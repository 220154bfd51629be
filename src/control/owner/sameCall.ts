import { type Hex, zeroAddress } from 'viem';
import { callOf, type Method, methodOf, type OwnerAction, type Target } from './action.ts';

/** A call as somebody else made it, of whom nothing is believed. */
export type GivenCall = { chain_id: number; to: string; value: string; data: string };

/**
 * Holds a call that a server made against what a person asked for: the names of what differs, none if it is exactly that call. The
 * data are decoded by the contracts' ABI to name the arguments; what decodes the same and is not the same bytes differs too.
 */
export function differencesOfCall(chainId: number, target: Target, wanted: OwnerAction, given: GivenCall): string[] {
  const call = callOf(target, wanted);
  const asked = methodOf(call);
  const shown = decoded(given.data);
  const differing: string[] = [];
  if (given.chain_id !== chainId) differing.push('chain');
  if (given.to.toLowerCase() !== call.to.toLowerCase()) differing.push('contract');
  if (given.value !== '0') differing.push('value');
  if (shown?.name !== asked.name) return [...differing, 'method'];
  const values = Object.entries(asked.values).filter(([name, value]) => shown.values[name] !== value);
  differing.push(...values.map(([name]) => name.replaceAll('_', '')));
  if (values.length === 0 && given.data.toLowerCase() !== call.data.toLowerCase()) differing.push('data');
  return differing;
}

function decoded(data: string): Method | null {
  try {
    return methodOf({ to: zeroAddress, data: data as Hex });
  } catch {
    return null;
  }
}
