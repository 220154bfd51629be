import { getAddress } from 'viem';
import { BursarError } from '../errors/base.ts';
import { agentAccount, balance } from '../ledger/journal.ts';
import { type MicroUsdc, microUsdc } from '../money/microUsdc.ts';
import type { PolicyInput } from '../policy/input.ts';
import type { Dimension, MeterDeclaration } from '../policy/meters.ts';
import type { Policy } from '../policy/policy.ts';
import type { ReadTx } from '../store/store.ts';
import { verdictOf } from './decide.ts';
import { type Facts, inputOf, resolveFacts } from './facts.ts';
import type { ChainFacts, PaymentRequest } from './request.ts';

/** A payment that is only imagined: by whom, and what of it is known. */
export type BudgetSubject = Pick<PaymentRequest, 'agentId' | 'kind' | 'payee' | 'category' | 'workflow'>;

export type MeterBudget = {
  meter: string;
  declaration: MeterDeclaration;
  /** Micro-USDC in the window now, reservations included, and of how many payments. */
  total: number;
  count: number;
  /** What one more payment may be at most for this meter's controls; null where nothing limits it (below a thousand million USDC) or `needs` is not empty. */
  left: MicroUsdc | null;
  paymentsLeft: number | null;
  /** The controls that look at this meter. */
  controls: string[];
  /** What must be known of the payment before the meter says anything. */
  needs: Dimension[];
};
export type AgentBudget = {
  facts: Facts;
  meters: MeterBudget[];
  /** The largest amount that would be allowed now, by policy, ceiling and balance together; null without a payee. */
  largestNow: MicroUsdc | null;
};

/** Stands for an unnamed payee; nobody is ever paid there by this. */
const NOBODY = getAddress('0x000000000000000000000000000000000000dead');
/** A thousand million USDC: far from 2^53, where a rule's sums would stop being exact. Whoever has more left has no limit. */
const MOST = 1_000_000_000_000_000;
const MOST_PAYMENTS = 1_000_000_000;

/**
 * What an agent has left, found by asking the policy itself: a meter's limit is the amount from which on its controls say
 * something that they do not say of an empty meter. So whatever the rules are, the figures are those that a payment meets.
 */
export function budgetOf(
  tx: ReadTx,
  policy: Policy,
  chain: ChainFacts,
  subject: BudgetSubject,
  atMs: number,
): AgentBudget {
  const request = imagined(subject);
  const facts = resolveFacts(tx, request, chain);
  const input = inputOf(tx, policy, request, facts, chain, [], atMs);
  const meters = Object.entries(policy.meters).map(([meter, declaration]) => {
    const needs = declaration.by.filter((dimension) => !isKnown(dimension, facts, subject));
    const { total, count } = input.meters[meter] ?? { total: 0, count: 0 };
    const found = needs.length > 0 ? unknown : searchMeter(policy, input, meter);
    return { meter, declaration, total, count, needs, ...found };
  });
  const available = balance(tx, agentAccount(subject.agentId, 'available'));
  return { facts, meters, largestNow: facts.payee ? largestAllowed(policy, input, facts, available) : null };
}

const unknown = { left: null, paymentsLeft: null, controls: [] };

function isKnown(dimension: Dimension, facts: Facts, subject: BudgetSubject): boolean {
  if (dimension === 'payee' || dimension === 'address') return facts.payee !== null;
  if (dimension === 'category') return facts.payee !== null || subject.category !== null;
  return dimension !== 'host';
}

function imagined(subject: BudgetSubject): PaymentRequest {
  return {
    ...subject,
    idempotencyKey: '',
    bodyHash: '',
    requestJson: '',
    amount: microUsdc(1n),
    address: subject.payee === null ? NOBODY : null,
    memo: null,
    refundOf: null,
    batchId: null,
    rail: 'wallet',
    host: null,
    x402: null,
  };
}

type Changes = { amount?: number; total?: number; count?: number };

function searchMeter(
  policy: Policy,
  input: PolicyInput,
  meter: string,
): Pick<MeterBudget, 'left' | 'paymentsLeft' | 'controls'> {
  const now = input.meters[meter] ?? { total: 0, count: 0, last_at: null };
  /** What the policy says, as `control code`, of the imagined payment with these figures. */
  const said = ({ amount = 1, total = now.total, count = now.count }: Changes): Set<string> => {
    const changed: PolicyInput = {
      ...input,
      payment: { ...input.payment, amount },
      meters: { ...input.meters, [meter]: { ...now, total, count } },
    };
    const { decision } = policy.evaluate(JSON.stringify(changed));
    // A policy that fails says nothing of any limit.
    const failed = decision.reasons.find(({ rule, code }) => rule === 'decision' && code.startsWith('policy_'));
    if (failed) throw new BursarError('policy_unavailable', { message: failed.message });
    return new Set(decision.effect === 'allow' ? [] : decision.reasons.map(({ rule, code }) => `${rule} ${code}`));
  };
  const byTotal = minus(said({ total: MOST }), said({ total: 0 }));
  const byCount = minus(said({ count: MOST_PAYMENTS }), said({ count: 0 }));
  const passes = (rules: Set<string>, changes: Changes): boolean => {
    const heard = said(changes);
    return ![...rules].some((rule) => heard.has(rule));
  };
  const left = byTotal.size === 0 ? MOST : largest(MOST, (amount) => passes(byTotal, { amount }));
  const paymentsLeft =
    byCount.size === 0 ? null : largest(MOST_PAYMENTS, (n) => passes(byCount, { count: now.count + n - 1 }));
  return {
    left: left === MOST ? null : microUsdc(BigInt(left)),
    paymentsLeft,
    controls: [...new Set([...byTotal, ...byCount].map((rule) => rule.split(' ')[0] ?? ''))],
  };
}

function minus(a: Set<string>, b: Set<string>): Set<string> {
  return new Set([...a].filter((each) => !b.has(each)));
}

function largestAllowed(policy: Policy, input: PolicyInput, facts: Facts, available: bigint): MicroUsdc {
  const allowed = (amount: number): boolean => {
    const { decision } = policy.evaluate(JSON.stringify({ ...input, payment: { ...input.payment, amount } }));
    return verdictOf({ decision, facts }, BigInt(amount), 0).effect === 'allow';
  };
  const most = available < BigInt(MOST) ? Number(available) : MOST;
  return microUsdc(BigInt(largest(Math.max(most, 0), allowed)));
}

/** The largest whole number from 0 to `most` that passes; what passes must pass for everything below too. 0 always does. */
function largest(most: number, passes: (n: number) => boolean): number {
  if (most < 1 || !passes(1)) return 0;
  if (passes(most)) return most;
  let good = 1;
  let bad = most;
  while (bad - good > 1) {
    const middle = good + Math.floor((bad - good) / 2);
    if (passes(middle)) good = middle;
    else bad = middle;
  }
  return good;
}
