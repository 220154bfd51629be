import { appendEvent } from '../../books/ledger/events.ts';
import type { Store } from '../../store/store.ts';

export type SenderQueueAlert =
  | 'chain_unavailable'
  | 'chain_mismatch'
  | 'chain_inconsistent'
  | 'insufficient_gas'
  | 'fees_above_cap'
  | 'broadcast_refused'
  | 'sender_not_served';

/** Alerts about a chain or a sender: open once, however often they are seen, and closed when the cause is gone. */
export interface SenderQueueAlerts {
  raise(type: SenderQueueAlert, subject: string, details: Record<string, unknown>): Promise<void>;
  resolve(type: SenderQueueAlert, subject: string): Promise<void>;
}

const OPEN = `SELECT id FROM alerts WHERE type = ? AND resolved_at IS NULL AND json_extract(body_json, '$.subject') = ?`;

export function senderQueueAlerts(store: Store, clock: () => number): SenderQueueAlerts {
  const isOpen = (type: SenderQueueAlert, subject: string): boolean =>
    store.read((tx) => tx.get(OPEN, type, subject)) !== undefined;
  return {
    raise: async (type, subject, details) => {
      if (isOpen(type, subject)) return;
      const atMs = clock();
      await store.write((tx) => {
        if (tx.get(OPEN, type, subject)) return;
        const body = { subject, ...details };
        tx.run('INSERT INTO alerts (type, body_json, raised_at) VALUES (?, ?, ?)', type, JSON.stringify(body), atMs);
        const event = type === 'chain_unavailable' ? 'chain.unavailable' : 'alert.raised';
        appendEvent(tx, { type: event, actor: 'bursar', data: { alert: type, ...body } }, atMs);
      });
    },
    resolve: async (type, subject) => {
      if (!isOpen(type, subject)) return;
      const atMs = clock();
      await store.write((tx) => {
        const open = tx.get<{ id: bigint }>(OPEN, type, subject);
        if (!open) return;
        tx.run('UPDATE alerts SET resolved_at = ? WHERE id = ?', atMs, open.id);
        if (type === 'chain_unavailable') {
          appendEvent(tx, { type: 'chain.recovered', actor: 'bursar', data: { subject } }, atMs);
        }
      });
    },
  };
}
