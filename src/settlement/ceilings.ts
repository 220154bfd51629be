import type { Ceilings } from '../identity/agents.ts';
import { appendEvent } from '../ledger/events.ts';
import type { Store } from '../store/store.ts';
import type { Chain } from '../wallet/chain.ts';
import { readWalletState, type WalletState } from '../wallet/walletState.ts';

type Row = { agent_id: string; address: `0x${string}`; ceilings_json: string };

/** Wallets read per round; each takes one batched request. */
const WALLETS_PER_ROUND = 20;
const INTERVAL_MS = 30_000;

/**
 * Keeps what the gate knows of each wallet's ceilings and approvers in step with the chain, where the owner changes them. Until
 * it has seen a change the contract still refuses what is too much: this only decides sooner, and asks the right people.
 */
export function ceilingsRefresher({ store, chain, clock }: { store: Store; chain: Chain; clock: () => number }) {
  let after = '';
  let nextAt = 0;
  return async function refresh(): Promise<void> {
    if (clock() < nextAt) return;
    const rows = store.read((tx) =>
      tx.all<Row>(
        'SELECT agent_id, address, ceilings_json FROM wallets WHERE chain_id = ? AND deployed_at IS NOT NULL AND agent_id > ? ORDER BY agent_id LIMIT ?',
        chain.chainId,
        after,
        WALLETS_PER_ROUND,
      ),
    );
    const changed: { row: Row; next: string }[] = [];
    for (const row of rows) {
      const state = await readWalletState(chain, row.address);
      const known = JSON.parse(row.ceilings_json) as Ceilings;
      const next = state && JSON.stringify(ceilingsOf(state, known));
      if (next && next !== row.ceilings_json) changed.push({ row, next });
    }
    if (changed.length > 0) {
      await store.write((tx) => {
        for (const { row, next } of changed) {
          tx.run(
            'UPDATE wallets SET ceilings_json = ? WHERE agent_id = ? AND chain_id = ?',
            next,
            row.agent_id,
            chain.chainId,
          );
          const data = { from: JSON.parse(row.ceilings_json) as unknown, to: JSON.parse(next) as unknown };
          appendEvent(tx, { type: 'wallet.ceilings_changed', actor: 'bursar', agentId: row.agent_id, data }, clock());
        }
      });
    }
    const done = rows.length < WALLETS_PER_ROUND;
    after = done ? '' : (rows.at(-1)?.agent_id ?? '');
    if (done) nextAt = clock() + INTERVAL_MS;
  };
}

function ceilingsOf(state: WalletState, known: Ceilings): Ceilings {
  return {
    perPayment: state.perPayment.toString(),
    perPeriod: state.perPeriod.toString(),
    periodSeconds: state.periodSeconds,
    threshold: state.threshold,
    approvers: [...state.approvers],
    // Which payees are on the list is not told by a read: switched on, everyone counts as off it until people say otherwise.
    allowList: state.allowListOn ? (known.allowList ?? []) : null,
  };
}
