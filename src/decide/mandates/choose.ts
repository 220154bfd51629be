import { lastOccurrence } from './cadence.ts';
import type { MandateInForce } from './mandate.ts';
import { fits, type MandateSubject } from './terms.ts';

/** A payment that needs people, and the agent's own sponsor. */
export type ReviewedPayment = {
  subject: MandateSubject;
  sponsorId: string;
  review: { quorum: number; roles: readonly string[] };
  atMs: number;
};

/**
 * The oldest active mandate whose bounds the payment is inside and whose signers, still approvers today, have a role that the
 * review asks for, as many as its quorum. The agent's own sponsor is never one of them: one who answers for an agent gives it no
 * standing approval. Null where there is none; else with the signers that count.
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
