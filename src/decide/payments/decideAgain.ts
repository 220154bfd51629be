import type { Decided } from './answer.ts';
import { type ApprovalFact, answerFor, evaluate } from './judge.ts';
import type { Payment } from './payment.ts';
import { appendPaymentEvent, hold, recordDecision, recordTopUp } from './record.ts';
import type { Ask, Rules } from './rules.ts';
import type { OwnPayment, WorkingSet } from './workingSet.ts';

/** A payment under review, and what people have signed. */
export type Again = {
  ask: Ask;
  own: OwnPayment;
  /** The hash of its decision before. */
  previous: string | null;
  approvals: readonly ApprovalFact[];
  /** Addresses that have approved, whether they are the wallet's own approvers or not. */
  onChain: readonly string[];
  /** The policy in force is not the one that was signed for: what was signed is void. */
  isOther: boolean;
};

/**
 * Decides a payment under review again, now, with all approvals. Pure, as `decideGroup`. What is allowed becomes an authorized payment;
 * what waits on gets an event; a deny is the caller's to carry out (`transition`).
 */
export function decideAgain(rules: Rules, set: WorkingSet, again: Again): Decided {
  if (set.stopped) throw set.stopped;
  const { ask, own, previous, isOther } = again;
  const { request } = ask;
  const { payment } = own;
  const { approvals, onChain } = isOther ? { approvals: [], onChain: [] } : again;
  const resolved = set.resolved(request);
  const listed = new Set<string>(resolved.facts.agent.wallet.ceilings.approvers);
  const chainApprovers = onChain.filter((address) => listed.has(address)).length;
  const question = { request, resolved, own, previous, approvals, chainApprovers };
  const evidence = evaluate(set, rules, question, null);
  recordDecision(set, payment, evidence, rules.atMs);
  const decided = { ...answerFor(set, rules, question, evidence), payment };
  const data = { decision_hash: evidence.decisionHash, effect: decided.effect, approvals: approvals.length };
  const event = { actor: ask.actor, atMs: rules.atMs };
  if (waits(decided, again)) {
    const other = isOther ? { policy_changed: evidence.policyDigest } : {};
    const waiting = { ...data, ...other, waits_for: decided.review ?? payment.review };
    appendPaymentEvent(set, payment, 'payment.approved', { ...event, data: waiting });
  } else if (decided.effect === 'allow') {
    approve(set, rules, payment, decided);
    appendPaymentEvent(set, payment, 'payment.approved', { ...event, data });
    if (decided.topUp) recordTopUp(set, rules, ask, { topUp: decided.topUp, purchase: payment.id });
  }
  return decided;
}

/** More signatures are needed, or all have to look again. */
export const waits = ({ effect }: Decided, { isOther }: Again): boolean =>
  effect === 'review' || (isOther && effect === 'allow');

function approve(set: WorkingSet, { atMs }: Rules, payment: Payment, decided: Decided): void {
  const added = decided.funding?.holdNow ?? 0n;
  set.changes.approved.push({
    id: payment.id,
    nonce: payment.rail === 'wallet' ? set.takeNonce(payment.agentId) : null,
    requiresChainApproval: decided.requiresChainApproval,
    policyDigest: decided.evidence.policyDigest,
    addHeldMicro: added,
    atMs,
  });
  if (added > 0n) hold(set, payment, { amountMicro: added, atMs, isNoted: true });
}
