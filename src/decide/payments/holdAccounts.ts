import type { AgentAccount } from '../../books/ledger/accounts.ts';
import type { Rail } from './payment.ts';

/** Where a rail's money waits before and while it is held. */
export function holdAccounts(rail: Rail): { free: AgentAccount; held: AgentAccount } {
  return rail === 'wallet' ? { free: 'available', held: 'reserved' } : { free: 'purse', held: 'purse_reserved' };
}
