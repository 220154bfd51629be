import type { AgentId, Id, PayeeId } from '../../core/ids/ids.ts';
import { type Cadence, lastOccurrence } from '../../core/time/cadence.ts';

/** The terms that a person signs: agent, payees, amounts, number, cadence and validity. Amounts in micro-USDC, times epoch ms. */
export type MandateTerms = {
  agent: AgentId;
  /** The payment must match each non-empty list; at least one of the three is not empty. */
  payees: PayeeId[];
  categories: string[];
  hosts: string[];
  perPayment: bigint;
  total: bigint;
  /** The largest number of payments; null: as many as the total allows. */
  count: number | null;
  /** At most one payment from each occurrence to the next; null: at any time. */
  cadence: Omit<Cadence, 'startsAtMs'> | null;
  /** The start is included, the end excluded. */
  notBeforeMs: number;
  expiresAtMs: number;
};

/** The fields of a payment that a mandate limits. */
export type MandateSubject = {
  agent: AgentId;
  payee: PayeeId | null;
  category: string | null;
  host: string | null;
  amount: bigint;
};
/** Payments under the mandate that are held or spent. */
export type MandateUse = { total: bigint; count: number; lastAtMs: number | null };

export type MandateId = Id<'mandate'>;
export type MandateStatus = 'requested' | 'active' | 'declined' | 'revoked';
/** A person's standing, bounded pre-approval. */
export type Mandate = {
  id: MandateId;
  agentId: AgentId;
  status: MandateStatus;
  terms: MandateTerms;
  reason: string;
  requestedBy: string;
  requestedAtMs: number;
  signers: {
    approver: string;
    address: string;
    name: string;
    roles: string[];
    sponsorId: string | null;
    signedAtMs: number;
  }[];
};
/** An active mandate with the payments under it so far, holds included. */
export type MandateInForce = Mandate & { use: MandateUse };

/** The most money that can move under it: its total, or fewer payments at its cap. */
export function worstCase(terms: Pick<MandateTerms, 'perPayment' | 'total' | 'count'>): bigint {
  const byCount = terms.count === null ? terms.total : terms.perPayment * BigInt(terms.count);
  return byCount < terms.total ? byCount : terms.total;
}

/**
 * Tells whether a payment is within the limits. `occurrenceAtMs`: the cadence's last occurrence at that time, null for none yet.
 */
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

/** A payment that needs approval, and the agent's own sponsor. */
export type ReviewedPayment = {
  subject: MandateSubject;
  sponsorId: string;
  review: { quorum: number; roles: readonly string[] };
  atMs: number;
};

/**
 * Finds the oldest active mandate that covers the payment, with as many current approvers among its signers as the quorum requires,
 * each with a role that the review accepts. The agent's own sponsor never counts: a person who answers for an agent gives it no
 * mandate. Null if there is none; else with the signers that count.
 */
export function chooseMandate(
  mandates: readonly MandateInForce[],
  { subject, sponsorId, review, atMs }: ReviewedPayment,
): MandateInForce | null {
  for (const mandate of mandates) {
    const able = mandate.signers.filter(
      (signer) =>
        signer.sponsorId !== sponsorId &&
        (review.roles.length === 0 || signer.roles.some((role) => review.roles.includes(role))),
    );
    const { cadence, notBeforeMs } = mandate.terms;
    const occurrence = cadence && lastOccurrence({ ...cadence, startsAtMs: notBeforeMs }, atMs);
    if (able.length >= review.quorum && fits(mandate, subject, atMs, occurrence)) return { ...mandate, signers: able };
  }
  return null;
}
