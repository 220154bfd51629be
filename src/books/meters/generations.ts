import { mapInOrder } from '../../core/inOrder.ts';
import type { ReadTx, Tx } from '../../store/store.ts';
import type { RowsOf } from './places.ts';
import { beginGeneration, liveGenerations, setLiveGeneration } from './queries.ts';

const nameOf = (meter: string, generation: number): string => (generation === 0 ? meter : `${meter}.${generation}`);

/** The meter to which a stored name belongs. */
export const meterOf = (stored: string): string => stored.split('.')[0] ?? stored;

/** The generations that decide now. */
export async function liveRows(tx: ReadTx): Promise<RowsOf> {
  const rows = await tx.all(liveGenerations);
  const live = new Map(rows.map((row) => [row.meter, nameOf(row.meter, Number(row.live))]));
  return (meter) => live.get(meter) ?? meter;
}

/** Begins a generation of each meter, with no rows yet. A generation that was begun and never came to decide is left behind. */
export async function beginGenerations(tx: Tx, meters: readonly string[]): Promise<ReadonlyMap<string, number>> {
  return new Map(
    await mapInOrder(meters, async (meter) => {
      const row = await tx.get(beginGeneration, { meter });
      return [meter, Number(row?.last ?? 1n)];
    }),
  );
}

export const rowsOfGenerations =
  (generations: ReadonlyMap<string, number>): RowsOf =>
  (meter) =>
    nameOf(meter, generations.get(meter) ?? 0);

/** Those generations of the meters that have one there, and the live one of the others. */
export const rowsBeside =
  (live: RowsOf, generations: ReadonlyMap<string, number>): RowsOf =>
  (meter) =>
    generations.has(meter) ? rowsOfGenerations(generations)(meter) : live(meter);

/** From this statement on they decide. */
export async function makeLive(tx: Tx, generations: ReadonlyMap<string, number>): Promise<void> {
  for (const [meter, generation] of generations) {
    await tx.run(setLiveGeneration, { meter, live: generation });
  }
}
