import type { Tx } from '../../store/store.ts';
import { type MeterDeclarations, windowStart } from './declarations.ts';
import { liveRows } from './generations.ts';
import { dropRolling, takeBack } from './meterRows.ts';
import { isRollingWindow, type RowsOf } from './places.ts';

/** A request takes at most this many payments out of each rolling window: one that comes after a long silence waits for no more. */
const DROPPED_MAX = 5_000;

/**
 * Lets go of what has fallen out of rolling windows, of every group. Readings are exact without it: it only keeps what they
 * have to look through short, so every group of requests does its share before it is decided.
 */
export async function ageMeters(tx: Tx, declarations: MeterDeclarations, atMs: number): Promise<void> {
  await ageRows(tx, declarations, await liveRows(tx), atMs);
}

/** The same in other rows than those that decide. */
export async function ageRows(tx: Tx, declarations: MeterDeclarations, rowsOf: RowsOf, atMs: number): Promise<void> {
  for (const [meter, declaration] of Object.entries(declarations)) {
    if (isRollingWindow(declaration))
      await dropRolling(tx, rowsOf(meter), windowStart(declaration.window, atMs), DROPPED_MAX);
  }
}

/** Takes a payment that will never happen out of every meter it is still in, in the window where it counted. */
export async function releaseFromMeters(tx: Tx, paymentId: string): Promise<void> {
  await takeBack(tx, paymentId);
}
