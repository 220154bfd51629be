import { appendEvent } from '../../books/ledger/events.ts';
import { eventHead } from '../../books/ledger/queries.ts';
import type { Ceilings } from '../../decide/identity/identity.ts';
import type { LedStore } from '../../store/leases/leadership.ts';
import type { RowOf } from '../../store/statement.ts';
import type { ReadTx } from '../../store/store.ts';
import { allowedNow } from '../contracts/allowList.ts';
import { readWalletState, type WalletState } from '../contracts/walletState.ts';
import type { Chain } from '../node/chain.ts';
import { deployedAfter, ofChangedWallets, setCeilings } from './queries.ts';

type Row = RowOf<typeof deployedAfter>;

/** Wallets read per round; each takes one batched request. */
const WALLETS_PER_ROUND = 20;
const INTERVAL_MS = 30_000;

/**
 * Keeps what the gate knows of each wallet's ceilings and approvers in step with the chain, where the owner changes them. Until
 * it has seen a change the contract still refuses what is too much: this only decides sooner, and asks the right people.
 */
export async function ceilingsRefresher({
  store,
  chain,
  clock,
}: {
  store: LedStore;
  chain: Chain;
  clock: () => number;
}) {
  const { chainId } = chain;
  let after = '';
  let nextAt = 0;
  let seen = await store.read(headOf);

  /** Those whose change the follower has just seen do not wait for their round. */
  async function changedSince(): Promise<{ rows: Row[]; head: bigint }> {
    return store.read(async (tx) => {
      const head = await headOf(tx);
      if (head === seen) return { rows: [], head };
      const rows = await tx.all(ofChangedWallets, { chain: chainId, seq: seen, limit: WALLETS_PER_ROUND });
      return { rows, head };
    });
  }
  async function renew(rows: readonly Row[]): Promise<void> {
    const changed: { row: Row; next: string }[] = [];
    for (const row of rows) {
      const state = await readWalletState(chain, row.address);
      const known = JSON.parse(row.ceilings_json) as Ceilings;
      const next = state && JSON.stringify(await ceilingsOf(row, state, known));
      if (next && next !== row.ceilings_json) changed.push({ row, next });
    }
    if (changed.length === 0) return;
    await store.write(async (tx) => {
      for (const { row, next } of changed) {
        await tx.run(setCeilings, { agent: row.agent_id, chain: chainId, ceilings: next });
        const data = { from: JSON.parse(row.ceilings_json) as unknown, to: JSON.parse(next) as unknown };
        await appendEvent(
          tx,
          { type: 'wallet.ceilings_changed', actor: 'bursar', agentId: row.agent_id, data },
          clock(),
        );
      }
    });
  }
  async function ceilingsOf(row: Row, state: WalletState, known: Ceilings): Promise<Ceilings> {
    return {
      perPayment: state.perPayment.toString(),
      perPeriod: state.perPeriod.toString(),
      periodSeconds: state.periodSeconds,
      threshold: state.threshold,
      approvers: [...state.approvers],
      approversVersion: Number(state.approversVersion),
      allowList: state.allowListOn ? await allowedNow({ store, chain }, row, known.allowList ?? []) : null,
    };
  }
  return async function refresh(): Promise<void> {
    const { rows: urgent, head } = await changedSince();
    await renew(urgent);
    seen = head;
    if (clock() < nextAt) return;
    const rows = await store.read((tx) =>
      tx.all(deployedAfter, { chain: chainId, agent: after, limit: WALLETS_PER_ROUND }),
    );
    await renew(rows);
    const done = rows.length < WALLETS_PER_ROUND;
    after = done ? '' : (rows.at(-1)?.agent_id ?? '');
    if (done) nextAt = clock() + INTERVAL_MS;
  };
}

const headOf = async (tx: ReadTx): Promise<bigint> => (await tx.get(eventHead))?.seq ?? 0n;
