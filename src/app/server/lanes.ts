import type { Address } from 'viem';
import type { KeyProvider } from '../../chain/keys/keys.ts';

/** Who sends from here: one lane per key, also where two roles have the same one. */
export async function lanesOf(
  keys: KeyProvider,
  roles: readonly string[],
): Promise<{ lanes: string[]; senders: Address[] }> {
  const lanes = new Map<Address, string>();
  for (const role of ['anchorer', 'guardian', 'owner', 'executor']) {
    if (role === 'executor' || roles.includes(role)) lanes.set(await keys.address(role), role);
  }
  return { lanes: [...lanes.values()], senders: [...lanes.keys()] };
}

/** Of the keys under that name, or that name with a number. */
export async function addressesOf(keys: KeyProvider, roles: readonly string[], prefix: string): Promise<Address[]> {
  const found = roles.filter((role) => role === prefix || role.startsWith(`${prefix}-`));
  return Promise.all(found.map((role) => keys.address(role)));
}
