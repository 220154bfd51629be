import type { Tx } from '../../store/store.ts';
import { type EventFields, eventAfter, GENESIS } from './event.ts';
import { addEvent, eventHead } from './queries.ts';

export { chainHash, type EventFields, type EventType, GENESIS_HASH } from './event.ts';

/** Appends an event to the hash chain, in the caller's transaction: a rollback leaves no gap. Returns its number. */
export async function appendEvent(tx: Tx, fields: EventFields, atMs: number): Promise<bigint> {
  const event = eventAfter((await tx.get(eventHead)) ?? GENESIS, fields, atMs);
  await tx.run(addEvent, event);
  return event.seq;
}
