import type { AgentId, PayeeId } from '../../core/ids/ids.ts';
import type { Cadence } from './cadence.ts';

/** What a person signs: for whom, to whom, how much, how often, from when until when. Amounts in micro-USDC, times epoch ms. */
export type MandateTerms = {
  agent: AgentId;
  /** Each list that is not empty must hold the payment's; at least one of the three is not empty. */
  payees: PayeeId[];
  categories: string[];
  hosts: string[];
  perPayment: bigint;
  total: bigint;
  /** At most so many payments; null: as many as the total allows. */
  count: number | null;
  /** At most one payment from each occurrence to the next; null: whenever. */
  cadence: Omit<Cadence, 'startsAtMs'> | null;
  /** Start inclusive, end exclusive. */
  notBeforeMs: number;
  expiresAtMs: number;
};

/** What of a payment a mandate looks at. */
export type MandateSubject = {
  agent: AgentId;
  payee: PayeeId | null;
  category: string | null;
  host: string | null;
  amount: bigint;
};
/** Payments under the mandate that are held or spent. */
export type MandateUse = { total: bigint; count: number; lastAtMs: number | null };

/** The most money that can move under it: its total, or fewer payments of its cap. */
export function worstCase(terms: Pick<MandateTerms, 'perPayment' | 'total' | 'count'>): bigint {
  const byCount = terms.count === null ? terms.total : terms.perPayment * BigInt(terms.count);
  return byCount < terms.total ? byCount : terms.total;
}

/** Whether a payment is inside the bounds. `occurrenceAtMs`: the cadence's last occurrence at that moment, null for none yet. */
export function fits(
  { terms, use }: { terms: MandateTerms; use: MandateUse },
  subject: MandateSubject,
  atMs: number,
  occurrenceAtMs: number | null,
): boolean {
  const listed = terms.payees.length + terms.categories.length + terms.hosts.length > 0;
  const inLists =
    holds(terms.payees, subject.payee) && holds(terms.categories, subject.category) && holds(terms.hosts, subject.host);
  const inTime = terms.notBeforeMs <= atMs && atMs < terms.expiresAtMs;
  const inMoney = subject.amount <= terms.perPayment && use.total + subject.amount <= terms.total;
  const inCount = terms.count === null || use.count < terms.count;
  const inCadence =
    terms.cadence === null || (occurrenceAtMs !== null && (use.lastAtMs === null || use.lastAtMs < occurrenceAtMs));
  return listed && inLists && inTime && inMoney && inCount && inCadence && terms.agent === subject.agent;
}

function holds<T>(list: readonly T[], value: T | null): boolean {
  return list.length === 0 || (value !== null && list.includes(value));
}
