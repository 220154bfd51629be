/**
 * An agent's accounts. Wallet on chain = available + reserved + suspense; purse on chain = purse + purse_reserved. Outside parties
 * are `external:<address>`. Every entry sums to zero.
 */
export type AgentAccount = 'available' | 'reserved' | 'purse' | 'purse_reserved' | 'suspense';
export type Account = `${string}:${AgentAccount}` | `external:${string}`;
export const walletAccounts = ['available', 'reserved', 'suspense'] as const satisfies readonly AgentAccount[];
export const purseAccounts = ['purse', 'purse_reserved'] as const satisfies readonly AgentAccount[];

export function agentAccount(agentId: string, account: AgentAccount): Account {
  return `${agentId}:${account}`;
}
export function externalAccount(address: string): Account {
  return `external:${address}`;
}
