import { type MeterDeclarations, windowStart } from './declarations.ts';
import type { MeterReading } from './meterSet.ts';
import { type CountedPayment, MeterSimulation } from './simulation.ts';

/** A payment and what became of it. `isCounted`: it was not denied. Times are epoch ms. */
export type EarlierPayment = CountedPayment & {
  isCounted: boolean;
  releasedAtMs: number | null;
  settledAtMs: number | null;
  refundOf: string | null;
};

type Later = { atMs: number; apply: (meters: MeterSimulation) => void };

/**
 * What the meters would have shown to each of the payments that `isWanted` names, had they been declared all along. `payments`: in
 * the order of their decisions. Payments count as they happened, whatever another policy would have decided about them.
 */
export function earlierReadings(
  declarations: MeterDeclarations,
  payments: Iterable<EarlierPayment>,
  isWanted: (id: string) => boolean,
): Map<string, Record<string, MeterReading>> {
  const meters = new MeterSimulation(declarations);
  const readings = new Map<string, Record<string, MeterReading>>();
  const waiting: Later[] = [];
  for (const payment of payments) {
    const { id, subject, atMs } = payment;
    // Of one millisecond the decision is first: a payment that is given back in it still stands against the others.
    while (waiting[0] && waiting[0].atMs < atMs) waiting.shift()?.apply(meters);
    if (isWanted(id)) readings.set(id, meters.read(subject, atMs));
    if (!payment.isCounted) continue;
    meters.count(payment);
    for (const later of laterOf(payment)) {
      waiting.splice(waiting.findLastIndex((each) => each.atMs <= later.atMs) + 1, 0, later);
    }
  }
  return readings;
}

function laterOf({ id, amountMicro, atMs, releasedAtMs, settledAtMs, refundOf }: EarlierPayment): Later[] {
  if (releasedAtMs !== null) {
    return [{ atMs: Math.max(releasedAtMs, atMs), apply: (meters) => meters.release(id) }];
  }
  if (refundOf === null || settledAtMs === null) return [];
  // A block's time may be a little before the server's.
  const arrivedAtMs = Math.max(settledAtMs, atMs);
  const refund = { id, originalId: refundOf, amountMicro, atMs: arrivedAtMs };
  return [{ atMs: arrivedAtMs, apply: (meters) => meters.refund(refund) }];
}

/** When the longest of these windows begins for a payment of that time (epoch ms). */
export const longestReach = (declarations: MeterDeclarations, atMs: number): number =>
  Math.min(atMs, ...Object.values(declarations).map(({ window }) => windowStart(window, atMs)));
