import type { AlertType } from '../../books/ledger/alerts.ts';
import { appendEvent } from '../../books/ledger/events.ts';
import { addAlert } from '../../books/ledger/queries.ts';
import { BursarError } from '../../core/errors/base.ts';
import { filterInOrder } from '../../core/inOrder.ts';
import type { ReadTx, Store } from '../../store/store.ts';
import type { Following } from './following.ts';
import { openAlertOfChain, resolveAlertsOfChain } from './waitingQueries.ts';

/**
 * `chain_contradiction`: two answers of a node contradict each other. `chain_behind`: the node does not return the blocks that it
 * announced. Both end when the answers agree again; the books wait until then.
 */
export type Doubt = Extract<AlertType, 'chain_contradiction' | 'chain_behind'>;

const isOpen = async (tx: ReadTx, type: AlertType, chainId: number): Promise<boolean> =>
  (await tx.get(openAlertOfChain, { type, chain: chainId })) !== undefined;

/** At most one open alert of a kind for each chain, however often it occurs. */
export async function noteDoubt(
  { store, chainId, clock }: Following,
  type: Doubt,
  error: { message: string; details?: Record<string, unknown> },
): Promise<void> {
  if (await store.read((tx) => isOpen(tx, type, chainId))) return;
  const data = { chain: chainId, message: error.message, ...error.details };
  const atMs = clock();
  await store.write(async (tx) => {
    if (await isOpen(tx, type, chainId)) return;
    await tx.run(addAlert, { type, agent: null, body: JSON.stringify(data), at: atMs });
    await appendEvent(tx, { type: 'alert.raised', actor: 'bursar', data: { alert: type, ...data } }, atMs);
  });
}

/** Closes the alert, and records that the chain's answers agree again. */
export async function settleDoubts(
  store: Store,
  chainId: number,
  atMs: number,
  types: readonly Doubt[] = ['chain_contradiction', 'chain_behind'],
): Promise<void> {
  const open = await filterInOrder(types, (type) => store.read((tx) => isOpen(tx, type, chainId)));
  if (open.length === 0) return;
  await store.write(async (tx) => {
    for (const type of open) {
      const changed = await tx.run(resolveAlertsOfChain, { type, chain: chainId, at: atMs });
      if (changed === 0) continue;
      await appendEvent(tx, { type: 'chain.agreed', actor: 'bursar', data: { chain: chainId, alert: type } }, atMs);
    }
  });
}

/** Two answers contradict each other: nothing is booked from them, and the node is asked again. */
export function contradiction(kind: string, message: string, details: Record<string, unknown> = {}): BursarError {
  return new BursarError('chain_inconsistent', { message, details: { kind, ...details } });
}
