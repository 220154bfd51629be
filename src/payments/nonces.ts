import { BursarError } from '../errors/base.ts';
import type { Tx } from '../store/store.ts';

/** Wallet nonces are a bitmap of 256-bit numbers, so there is room: a million payments in each second since 1970. */
const PER_SECOND = 1_048_576n;

/**
 * Moves what wallets pay with next to where no earlier copy of the books can have been: by the time, so each restoring begins
 * above all before it, from whatever copy. For one agent, or for all. Never lowers.
 */
export function raiseNonces(tx: Tx, atMs: number, agentId: string | null = null): number {
  const floor = BigInt(Math.floor(atMs / 1000)) * PER_SECOND;
  return tx.run(
    'UPDATE wallets SET next_nonce = ? WHERE next_nonce < ? AND (? IS NULL OR agent_id = ?)',
    floor,
    floor,
    agentId,
    agentId,
  );
}

/** The next nonce of the agent's wallet; the contract lets each pay once. */
export function takeNonce(tx: Tx, agentId: string, chainId: number): bigint {
  const row = tx.get<{ nonce: bigint }>(
    'UPDATE wallets SET next_nonce = next_nonce + 1 WHERE agent_id = ? AND chain_id = ? RETURNING next_nonce - 1 AS nonce',
    agentId,
    chainId,
  );
  if (!row) throw new BursarError('not_configured', { message: 'The agent has no wallet on this chain.' });
  return row.nonce;
}
