import { appendEvent } from '../../books/ledger/events.ts';
import { listAgents, setAgentStatus } from '../../decide/identity/agents.ts';
import { skipNonces } from '../../decide/payments/nonces.ts';
import { putSetting, removeSetting, settingOf } from '../../store/settings.ts';
import type { ReadTx, Tx } from '../../store/store.ts';

const ADOPT = 'adopt_nonces';

/**
 * Makes a restored copy safe to serve. What happened since the copy was made is unknown to it: keys that were revoked live again,
 * agents that were stopped are active, nonces that were used look free. So every agent is frozen until an operator has looked, wallet
 * nonces go on where no copy has been, and the relayer asks the chain once where its own nonces are.
 */
export function markRestored(tx: Tx, copiedAt: string, atMs: number): { frozen: string[] } {
  const act = { actor: 'bursar', atMs };
  const active = listAgents(tx).filter(({ status }) => status === 'active');
  const reason = `Restored from a copy of ${copiedAt}: look at what the chain shows since, then let it go on.`;
  for (const { id } of active) setAgentStatus(tx, act, id, { status: 'frozen', reason });
  const wallets = skipNonces(tx);
  putSetting(tx, ADOPT, String(atMs));
  const data = { copied_at: copiedAt, agents_frozen: active.length, wallets_renumbered: wallets };
  appendEvent(tx, { type: 'server.restored', actor: 'bursar', data }, atMs);
  return { frozen: active.map(({ name }) => name) };
}

/** Whether the senders' nonces are still to be taken from the chain after a restoring. */
export const mustAdopt = (tx: ReadTx): boolean => settingOf(tx, ADOPT) !== undefined;

export function adopted(tx: Tx): void {
  removeSetting(tx, ADOPT);
}
