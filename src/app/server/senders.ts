import type { Address } from 'viem';
import type { KeyProvider, KeyRole } from '../../chain/keys/keys.ts';

/** The keys that send, each with one role: one sender queue per key, also if two roles have the same key. */
export async function sendersOf(keys: KeyProvider, roles: readonly string[]): Promise<Map<Address, KeyRole>> {
  const queues = new Map<Address, KeyRole>();
  for (const role of ['anchorer', 'guardian', 'owner', 'executor']) {
    if (role === 'executor' || roles.includes(role)) queues.set(await keys.address(role), role);
  }
  return queues;
}

/** The keys with that name, or that name with a number. */
export async function addressesOf(keys: KeyProvider, roles: readonly string[], prefix: string): Promise<Address[]> {
  const found = roles.filter((role) => role === prefix || role.startsWith(`${prefix}-`));
  return Promise.all(found.map((role) => keys.address(role)));
}
