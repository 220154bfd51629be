import type { Address } from 'viem';
import type { KeyProvider } from '../../chain/keys/keys.ts';

/** The senders of this server: one sender queue per key, also if two roles have the same key. */
export async function sendersOf(
  keys: KeyProvider,
  roles: readonly string[],
): Promise<{ queues: string[]; senders: Address[] }> {
  const queues = new Map<Address, string>();
  for (const role of ['anchorer', 'guardian', 'owner', 'executor']) {
    if (role === 'executor' || roles.includes(role)) queues.set(await keys.address(role), role);
  }
  return { queues: [...queues.values()], senders: [...queues.keys()] };
}

/** The keys with that name, or that name with a number. */
export async function addressesOf(keys: KeyProvider, roles: readonly string[], prefix: string): Promise<Address[]> {
  const found = roles.filter((role) => role === prefix || role.startsWith(`${prefix}-`));
  return Promise.all(found.map((role) => keys.address(role)));
}
