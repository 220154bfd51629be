import { appendEvent } from '../../books/ledger/events.ts';
import { listAgents, setAgentStatus } from '../../decide/identity/agents.ts';
import { skipNonces } from '../../decide/payments/nonces.ts';
import { putSetting, removeSetting, settingOf } from '../../store/settings.ts';
import type { ReadTx, Tx } from '../../store/store.ts';

const ADOPT = 'adopt_nonces';

/**
 * Makes a restored copy safe to serve. The copy lacks everything since it was made: revoked keys are valid again, stopped agents
 * are active, used nonces look free. So every agent is frozen until an operator has checked, wallet nonces continue beyond any
 * earlier copy, and the relayer reads its own nonces from the chain once.
 */
export async function markRestored(tx: Tx, copiedAt: string, atMs: number): Promise<{ frozen: string[] }> {
  const act = { actor: 'bursar', atMs };
  const active = (await listAgents(tx)).filter(({ status }) => status === 'active');
  const reason = `Restored from a copy of ${copiedAt}: look at what the chain shows since, then let it go on.`;
  for (const { id } of active) await setAgentStatus(tx, act, id, { status: 'frozen', reason });
  const wallets = await skipNonces(tx);
  await putSetting(tx, ADOPT, String(atMs));
  const data = { copied_at: copiedAt, agents_frozen: active.length, wallets_renumbered: wallets };
  await appendEvent(tx, { type: 'server.restored', actor: 'bursar', data }, atMs);
  return { frozen: active.map(({ name }) => name) };
}

/** Tells whether the senders' nonces must still be read from the chain after a restore. */
export const mustAdopt = async (tx: ReadTx): Promise<boolean> => (await settingOf(tx, ADOPT)) !== undefined;

export async function adopted(tx: Tx): Promise<void> {
  await removeSetting(tx, ADOPT);
}
