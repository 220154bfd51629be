import { statement } from './statement.ts';
import type { ReadTx } from './transaction.ts';

const timeNow = statement<{ at: number }>()((db, p, f) => db.selectNoFrom(f.nowMs(p.at).as('now')));

/**
 * Epoch ms by the clock that all servers of the database share; on SQLite by `serverMs`, the only server's. Servers with clocks of their
 * own would count payments in different windows.
 */
export async function timeIn(tx: ReadTx, serverMs: number): Promise<number> {
  return Number((await tx.get(timeNow, { at: serverMs }))?.now ?? serverMs);
}
