import type { MeterDeclarations } from '../../books/meters/declarations.ts';

/**
 * Meters of a policy that is to decide, or of a candidate, counted page by page into rows of their own while the active policy decides. It
 * lives in memory: what a crash leaves behind is in no meter that anybody reads, and the next activation or start begins again.
 */
export type Stage = {
  readonly declarations: MeterDeclarations;
  readonly generations: ReadonlyMap<string, number>;
  readonly nowMs: number;
  /** Totals, by their stored name, that somebody else reads or counts: a payment is not taken out of these. */
  readonly spares: (stored: string) => boolean;
  /** Payments up to this id are counted. */
  after: string;
  /** What happened up to this event is counted too. */
  seenSeq: number;
  counted: number;
};
