import type { Tx } from '../../store/store.ts';
import { appendEvent, type EventFields } from './events.ts';

/** Who does it and when: credential id (or `bursar`), server's epoch ms. */
export type Act = { actor: string; atMs: number };

/** An administrator's act leaves an event in the same transaction. */
export function recordAct(tx: Tx, act: Act, fields: Omit<EventFields, 'actor'>): void {
  appendEvent(tx, { ...fields, actor: act.actor }, act.atMs);
}
