import { createHash } from 'node:crypto';
import type { Address } from 'viem';
import type { KeyProvider, KeyRole } from '../../chain/keys/keys.ts';

/** The keys that send, each with one role: one sender queue per key, also if two roles have the same key. */
export async function sendersOf(keys: KeyProvider, roles: readonly string[]): Promise<Map<Address, KeyRole>> {
  const queues = new Map<Address, KeyRole>();
  for (const role of ['anchorer', 'guardian', 'owner']) {
    if (roles.includes(role)) queues.set(await keys.address(role), role);
  }
  for (const [sender, role] of await executorsOf(keys, roles)) queues.set(sender, role);
  return queues;
}

/** The keys that send payments: `executor` first, then `executor-2` and so on. A wallet takes payments from one of them. */
export async function executorsOf(keys: KeyProvider, roles: readonly string[]): Promise<Map<Address, KeyRole>> {
  const others = roles.filter((role) => role.startsWith('executor-')).sort();
  const executors = new Map<Address, KeyRole>();
  for (const role of ['executor', ...others]) {
    const address = await keys.address(role);
    if (!executors.has(address)) executors.set(address, role);
  }
  return executors;
}

/** The keys with that name, or that name with a number. */
export async function addressesOf(keys: KeyProvider, roles: readonly string[], prefix: string): Promise<Address[]> {
  const found = roles.filter((role) => role === prefix || role.startsWith(`${prefix}-`));
  return Promise.all(found.map((role) => keys.address(role)));
}

/** Spreads wallets over the keys by their agents' ids, alike on every server. */
export function oneOf(executors: readonly [Address, ...Address[]], agentId: string): Address {
  const hash = createHash('sha256').update(agentId).digest();
  return executors[hash.readUInt32BE(0) % executors.length] ?? executors[0];
}
