import { isAddressEqual } from 'viem';
import type { Receivable } from '../../books/receivables/receivable.ts';
import { BursarError } from '../../core/errors/base.ts';
import { sha256 } from '../../core/ids/digest.ts';
import { formatUsdc } from '../../core/money/microUsdc.ts';
import { chooseMandate } from '../mandates/mandate.ts';
import type { Effect } from '../policy/decision.ts';
import { decisionHashOf } from '../policy/decision.ts';
import type { PolicyInput } from '../policy/input.ts';
import type { Policy } from '../policy/policy.ts';
import type { Decided, Evidence } from './answer.ts';
import { purseFunding, topUpRequest, walletFunding } from './funding.ts';
import { inputText } from './input.ts';
import type { PaymentRequest } from './request.ts';
import type { Rules } from './rules.ts';
import { gateReason, type Narrowed, narrow } from './verdict.ts';
import { hostSubject, type OwnPayment, type Resolved, type WorkingSet } from './workingSet.ts';

export type ApprovalFact = PolicyInput['approvals'][number];

/** One question to a policy. `own`, `previous` and `approvals`: for a payment under review that is decided again. */
export type Question = {
  request: PaymentRequest;
  resolved: Resolved;
  own?: OwnPayment;
  /** The hash of its decision before. */
  previous?: string | null;
  approvals?: readonly ApprovalFact[];
  /** How many of the wallet's own approvers have signed. */
  chainApprovers?: number;
};

/** What the gate would say to a request now. Changes nothing. Throws what makes it undecidable. */
export function judge(set: WorkingSet, rules: Rules, request: PaymentRequest): Decided {
  if (set.stopped) throw set.stopped;
  const resolved = set.resolved(request);
  const question = { request, resolved };
  const { evidence, mandate } = askPolicy(set, rules, question);
  const refunded = request.kind === 'refund' ? refundOf(set, request, resolved) : null;
  return { ...answerFor(set, rules, question, evidence), mandate, refunded };
}

/** The gate's own rules and the money behind what a policy has said. */
export function answerFor(set: WorkingSet, rules: Rules, question: Question, evidence: Evidence): Decided {
  const { request, resolved, chainApprovers = 0 } = question;
  const narrowed = narrow(evidence.decision, resolved.facts, request, chainApprovers);
  return fund(set, rules, question, { ...plain, ...narrowed, evidence, facts: resolved.facts });
}

const plain = { replayed: false, payment: null, funding: null, topUp: null, mandate: null, refunded: null } as const;

/**
 * Asks the policy; where it wants people, once more with a mandate that they have signed and whose bounds the payment is inside.
 * It is the policy that says whether a mandate may stand in for this review; a deny it never lifts.
 */
function askPolicy(
  set: WorkingSet,
  rules: Rules,
  question: Question,
): { evidence: Evidence; mandate: Decided['mandate'] } {
  const evidence = evaluate(set, rules, question, null);
  const { review } = evidence.decision;
  if (review === null) return { evidence, mandate: null };
  const { facts } = question.resolved;
  const { host, amount } = question.request;
  const subject = { agent: facts.agent.id, payee: facts.payee?.id ?? null, category: facts.category, host, amount };
  const reviewed = { subject, sponsorId: facts.agent.sponsorId, review, atMs: rules.atMs };
  const mandate = chooseMandate(set.mandates(facts.agent.id), reviewed);
  if (!mandate) return { evidence, mandate: null };
  const signers = mandate.signers.map(({ address }) => address);
  const under = evaluate(set, rules, question, { id: mandate.id, signers });
  return under.decision.effect === 'allow' ? { evidence: under, mandate: mandate.id } : { evidence, mandate: null };
}

/** Builds the input and asks the policy. */
export function evaluate(
  set: WorkingSet,
  { policy, atMs }: Pick<Rules, 'policy' | 'atMs'>,
  question: Question,
  mandate: PolicyInput['mandate'],
): Evidence {
  const text = inputFor(set, { policy, atMs }, question, mandate);
  const { decision, resultText, failure = null } = policy.evaluate(text);
  const inputHash = sha256(text);
  const resultHash = sha256(resultText);
  const decisionHash = decisionHashOf(policy.digest, inputHash, resultHash);
  const evidence = { inputText: text, inputHash, resultText, resultHash, policyDigest: policy.digest };
  return { ...evidence, decisionHash, decision, failure };
}

/** The text of a policy's input for one question. */
export function inputFor(
  set: WorkingSet,
  { policy, atMs }: Pick<Rules, 'policy' | 'atMs'>,
  question: Question,
  mandate: PolicyInput['mandate'] = null,
): string {
  const { request, resolved, own, previous = null, approvals = [] } = question;
  const { facts } = resolved;
  const { id } = facts.agent;
  return inputText({
    atMs,
    timezone: policy.settings.timezone,
    request,
    facts,
    history: {
      payee: facts.payee ? set.history(id, facts.payee.id) : null,
      address: set.history(id, facts.address),
      hostLastAddress: request.host ? (set.history(id, hostSubject(request.host))?.last_address ?? null) : null,
    },
    funds: set.funds(id, own?.payment),
    previous,
    approvals: [...approvals],
    mandate,
    meters: set.meters.read(placesFor(policy, resolved), own?.count),
  });
}

/** Where the payment meets that policy's meters. */
export function placesFor(policy: Policy, { places }: Resolved) {
  const found = places.get(policy.meters);
  if (!found) throw new BursarError('invariant_violated', { message: 'A policy whose meters were not read.' });
  return found;
}

/** Finds the money for what is not denied; too little is a deny. */
function fund(set: WorkingSet, rules: Rules, { request, own }: Question, decided: Decided): Decided {
  if (decided.effect === 'deny') return decided;
  const { agent } = decided.facts;
  const needed = request.amount - (own?.payment.heldMicro ?? 0n);
  const available = set.available(agent.id);
  const found =
    request.rail === 'wallet'
      ? walletFunding(available, needed)
      : purseFunding({ available, purse: set.purse(agent.id) }, needed, rules.policy.settings.x402.floatTarget);
  if ('short' in found) {
    const message = `The agent has ${formatUsdc(found.short)} USDC too little available.`;
    return denied(decided, gateReason('insufficient_funds', message, Number(found.short), 0));
  }
  if (decided.effect === 'review' && request.rail === 'x402') {
    // The purse is filled only once people have said yes; until then the purchase holds what is there.
    return { ...decided, funding: { holdNow: found.holdNow, topUp: 0n } };
  }
  if (found.topUp === 0n) return { ...decided, funding: found };
  const topUp = topUpRequest(request, agent.wallet.purse, found.topUp);
  const resolved = set.topUp(request);
  const evidence = evaluate(set, rules, { request: topUp, resolved }, null);
  const narrowed = narrow(evidence.decision, resolved.facts, topUp, 0);
  if (narrowed.effect !== 'allow') return denied(decided, topUpRefused(narrowed, topUp));
  const funding = { holdNow: topUp.amount, topUp: 0n };
  return {
    ...decided,
    funding: found,
    topUp: { request: topUp, decided: { ...plain, ...narrowed, evidence, facts: resolved.facts, funding } },
  };
}

function topUpRefused({ reasons }: Narrowed, topUp: PaymentRequest) {
  const why = reasons.map(({ message }) => message).join(' ');
  return gateReason('top_up_refused', `The purse may not be topped up: ${why}`, Number(topUp.amount), 0);
}

function denied(decided: Decided, reason: Decided['reasons'][number]): Decided {
  const kept = decided.effect === 'review' ? decided.reasons : [];
  return { ...decided, effect: 'deny' satisfies Effect, reasons: [...kept, reason], review: null };
}

/**
 * A refund goes from the earner to the one who paid, and never exceeds what was received, in sum. Gives what it gives back. Throws
 * `payment_not_found`, `receivable_not_final`, `invalid_request` or `refund_exceeds_original`.
 */
function refundOf(set: WorkingSet, request: PaymentRequest, { facts }: Resolved): Receivable {
  const refundable = set.refundable(request);
  if (refundable?.receivable.agentId !== request.agentId) {
    throw new BursarError('payment_not_found', {
      message: 'This agent earned no such payment.',
      details: { refund_of: request.refundOf },
    });
  }
  const { receivable, payer, left } = refundable;
  if (receivable.state !== 'final') throw new BursarError('receivable_not_final');
  if (!isAddressEqual(payer, facts.address)) {
    throw new BursarError('invalid_request', { message: `This refund goes to ${payer}, who paid.` });
  }
  if (request.amount > left) {
    throw new BursarError('refund_exceeds_original', {
      message: `Of ${formatUsdc(receivable.amountMicro)} USDC, ${formatUsdc(left)} can still be refunded.`,
      details: { refundable: formatUsdc(left) },
    });
  }
  return receivable;
}
