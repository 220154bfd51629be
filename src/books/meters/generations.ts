import type { ReadTx, Tx } from '../../store/store.ts';
import { beginGeneration, liveGenerations, setLiveGeneration } from './queries.ts';

/**
 * The name under which a meter's rows are stored: the meter's own in its first generation, then `agent_day.2` and so on. A meter's name
 * has no point, so the names cannot meet.
 */
export type RowsOf = (meter: string) => string;

const LIVE = 'live generations';
const nameOf = (meter: string, generation: number): string => (generation === 0 ? meter : `${meter}.${generation}`);

/** The meter to which a stored name belongs. */
export const meterOf = (stored: string): string => stored.split('.')[0] ?? stored;

/** The generations that decide now. */
export function liveRows(tx: ReadTx): RowsOf {
  const live = (tx.memory?.kept.get(LIVE) as Map<string, string> | undefined) ?? readLive(tx);
  return (meter) => live.get(meter) ?? meter;
}

function readLive(tx: ReadTx): Map<string, string> {
  const rows = tx.all(liveGenerations);
  const live = new Map(rows.map((row) => [row.meter, nameOf(row.meter, Number(row.live))]));
  tx.memory?.kept.set(LIVE, live);
  return live;
}

/** Begins a generation of each meter, with no rows yet. A generation that was begun and never came to decide is left behind. */
export function beginGenerations(tx: Tx, meters: readonly string[]): ReadonlyMap<string, number> {
  return new Map(
    meters.map((meter) => {
      const row = tx.get(beginGeneration, { meter });
      return [meter, Number(row?.last ?? 1n)];
    }),
  );
}

export const rowsOfGenerations =
  (generations: ReadonlyMap<string, number>): RowsOf =>
  (meter) =>
    nameOf(meter, generations.get(meter) ?? 0);

/** From this statement on they decide. */
export function makeLive(tx: Tx, generations: ReadonlyMap<string, number>): void {
  for (const [meter, generation] of generations) {
    tx.run(setLiveGeneration, { meter, live: generation });
  }
  tx.memory?.kept.delete(LIVE);
}
