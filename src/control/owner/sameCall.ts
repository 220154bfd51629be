import { type Hex, zeroAddress } from 'viem';
import { callOf, type Method, methodOf, type OwnerAction, type Target } from './action.ts';

/** A call from outside, of which nothing is trusted. */
export type GivenCall = { chain_id: number; to: string; value: string; data: string };

/**
 * Compares a call that a server made with the requested one, and returns the names of the differences; none if it is exactly that
 * call. The data are decoded by the contracts' ABI to name the arguments; different bytes with the same decoding are a difference
 * too.
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
