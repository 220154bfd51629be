import type { Tx } from '../../store/store.ts';
import { appendEvent, type EventFields } from './events.ts';

/** The actor and the time: credential id (or `bursar`), the server's epoch ms. */
export type Act = { actor: string; atMs: number };

/** An administrator's action writes an event in the same transaction. */
export async function recordAct(tx: Tx, act: Act, fields: Omit<EventFields, 'actor'>): Promise<void> {
  await appendEvent(tx, { ...fields, actor: act.actor }, act.atMs);
}
