import { appendEvent } from '../../books/ledger/events.ts';
import { addAlert } from '../../books/ledger/queries.ts';
import type { Store } from '../../store/store.ts';
import { openAlertAbout, resolveAlert } from './queries.ts';

export type SenderQueueAlert =
  | 'chain_unavailable'
  | 'chain_mismatch'
  | 'chain_inconsistent'
  | 'insufficient_gas'
  | 'fees_above_cap'
  | 'broadcast_refused'
  | 'sender_not_served';

/** Alerts about a chain or a sender: opened once, regardless of repetitions, and closed when the cause ends. */
export interface SenderQueueAlerts {
  raise(type: SenderQueueAlert, subject: string, details: Record<string, unknown>): Promise<void>;
  resolve(type: SenderQueueAlert, subject: string): Promise<void>;
}

export function senderQueueAlerts(store: Store, clock: () => number): SenderQueueAlerts {
  const isOpen = async (type: SenderQueueAlert, subject: string): Promise<boolean> =>
    (await store.read((tx) => tx.get(openAlertAbout, { type, subject }))) !== undefined;
  return {
    raise: async (type, subject, details) => {
      if (await isOpen(type, subject)) return;
      const atMs = clock();
      await store.write(async (tx) => {
        if (await tx.get(openAlertAbout, { type, subject })) return;
        const body = { subject, ...details };
        await tx.run(addAlert, { type, agent: null, body: JSON.stringify(body), at: atMs });
        const event = type === 'chain_unavailable' ? 'chain.unavailable' : 'alert.raised';
        await appendEvent(tx, { type: event, actor: 'bursar', data: { alert: type, ...body } }, atMs);
      });
    },
    resolve: async (type, subject) => {
      if (!(await isOpen(type, subject))) return;
      const atMs = clock();
      await store.write(async (tx) => {
        const open = await tx.get(openAlertAbout, { type, subject });
        if (!open) return;
        await tx.run(resolveAlert, { id: open.id, at: atMs });
        if (type === 'chain_unavailable') {
          await appendEvent(tx, { type: 'chain.recovered', actor: 'bursar', data: { subject } }, atMs);
        }
      });
    },
  };
}
