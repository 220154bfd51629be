import { getAddress } from 'viem';
import { agentAccount, balance } from '../../books/ledger/journal.ts';
import type { Dimension, MeterDeclaration } from '../../books/meters/declarations.ts';
import { BursarError } from '../../core/errors/base.ts';
import { type MicroUsdc, microUsdc } from '../../core/money/microUsdc.ts';
import type { ReadTx } from '../../store/store.ts';
import type { PolicyInput } from '../policy/input.ts';
import type { Policy } from '../policy/policy.ts';
import { inputFor } from './judge.ts';
import { load } from './load.ts';
import type { PaymentRequest } from './request.ts';
import type { Facts } from './resolve.ts';
import type { Rules } from './rules.ts';
import { narrow } from './verdict.ts';

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
/** A thousand million USDC: far from 2^53, where a rule's sums would stop being exact. Anyone who has more left has no limit. */
const MOST = 1_000_000_000_000_000;
const MOST_PAYMENTS = 1_000_000_000;

/**
 * What an agent has left, found by asking the policy itself: a meter's limit is the amount from which on its controls say
 * something that they do not say of an empty meter. So whatever the rules are, the figures are those that a payment meets.
 */
export async function budgetOf(tx: ReadTx, rules: Rules, subject: BudgetSubject): Promise<AgentBudget> {
  const { policy } = rules;
  const { facts, input } = await imaginedInput(tx, rules, subject);
  const meters = Object.entries(policy.meters).map(([meter, declaration]) => {
    const needs = declaration.by.filter((dimension) => !isKnown(dimension, facts, subject));
    const { total, count } = input.meters[meter] ?? { total: 0, count: 0 };
    const found = needs.length > 0 ? unknown : searchMeter(policy, input, meter);
    return { meter, declaration, total, count, needs, ...found };
  });
  const available = await balance(tx, agentAccount(subject.agentId, 'available'));
  return { facts, meters, largestNow: facts.payee ? largestAllowed(policy, input, facts, available) : null };
}

const unknown = { left: null, paymentsLeft: null, controls: [] };

export function isKnown(dimension: Dimension, facts: Pick<Facts, 'payee'>, subject: BudgetSubject): boolean {
  if (dimension === 'payee' || dimension === 'address') return facts.payee !== null;
  if (dimension === 'category') return facts.payee !== null || subject.category !== null;
  return dimension !== 'host';
}

/** The payment whose facts and figures are looked at; it is never made. */
export function imagined(subject: BudgetSubject): PaymentRequest {
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

/** Facts and input of a payment that is only imagined. Throws as the gate does. */
export async function imaginedInput(
  tx: ReadTx,
  rules: Rules,
  subject: BudgetSubject,
): Promise<{ facts: Facts; input: PolicyInput }> {
  const request = imagined(subject);
  const set = await load(tx, rules, [{ request, actor: '' }]);
  const resolved = set.resolved(request);
  return { facts: resolved.facts, input: JSON.parse(inputFor(set, rules, { request, resolved })) as PolicyInput };
}

type Changes = { amount?: number; total?: number; count?: number };
/** The reasons that the policy gives for one imagined payment, as `control code`, each with the limit that it names. */
type Observations = Map<string, number | null>;

/** What is left for a meter's controls, asked of the policy with the figures that stand in `input`. */
export function searchMeter(
  policy: Policy,
  input: PolicyInput,
  meter: string,
): Pick<MeterBudget, 'left' | 'paymentsLeft' | 'controls'> {
  const now = input.meters[meter] ?? { total: 0, count: 0, last_at: null };
  const observe = ({ amount = 1, total = now.total, count = now.count }: Changes): Observations => {
    const changed: PolicyInput = {
      ...input,
      payment: { ...input.payment, amount },
      meters: { ...input.meters, [meter]: { ...now, total, count } },
    };
    const { effect, reasons } = policy.evaluate(JSON.stringify(changed)).decision;
    // A policy that fails tells nothing about limits.
    const failed = reasons.find(({ rule, code }) => rule === 'decision' && code.startsWith('policy_'));
    if (failed) throw new BursarError('policy_unavailable', { message: failed.message });
    const given = effect === 'allow' ? [] : reasons;
    return new Map(given.map(({ rule, code, limit }) => [`${rule} ${code}`, typeof limit === 'number' ? limit : null]));
  };
  const byTotal = minus(observe({ total: MOST }), observe({ total: 0 }));
  const byCount = minus(observe({ count: MOST_PAYMENTS }), observe({ count: 0 }));
  const passes = (rules: Observations, changes: Changes): boolean => {
    const observed = observe(changes);
    return ![...rules.keys()].some((rule) => observed.has(rule));
  };
  const left = edge(MOST, byTotal, now.total, (amount) => passes(byTotal, { amount }));
  const paymentsLeft = edge(MOST_PAYMENTS, byCount, now.count, (n) => passes(byCount, { count: now.count + n - 1 }));
  return {
    left: left === null ? null : microUsdc(BigInt(left)),
    paymentsLeft,
    controls: [...new Set([...byTotal.keys(), ...byCount.keys()].map((rule) => rule.split(' ')[0] ?? ''))],
  };
}

/** The reasons in `a` that are not in `b`. */
function minus(a: Observations, b: Observations): Observations {
  return new Map([...a].filter(([rule]) => !b.has(rule)));
}

/** The largest number that passes, or null where all do. The limit that a rule names is tried first; it is only a guess. */
function edge(most: number, rules: Observations, used: number, passes: (n: number) => boolean): number | null {
  if (rules.size === 0) return null;
  const named = [...rules.values()].filter((limit) => limit !== null);
  const guess = Math.min(...named) - used;
  if (
    Number.isSafeInteger(guess) &&
    guess >= 0 &&
    guess < most &&
    !passes(guess + 1) &&
    (guess === 0 || passes(guess))
  ) {
    return guess;
  }
  const found = largest(most, passes);
  return found === most ? null : found;
}

function largestAllowed(policy: Policy, input: PolicyInput, facts: Facts, available: bigint): MicroUsdc {
  const allowed = (amount: number): boolean => {
    const { decision } = policy.evaluate(JSON.stringify({ ...input, payment: { ...input.payment, amount } }));
    return narrow(decision, facts, { amount: microUsdc(BigInt(amount)), rail: 'wallet' }, 0).effect === 'allow';
  };
  const most = available < BigInt(MOST) ? Number(available) : MOST;
  return microUsdc(BigInt(largest(Math.max(most, 0), allowed)));
}

/** The largest whole number from 0 to `most` that passes; what passes must pass for everything below too. 0 always does. */
export function largest(most: number, passes: (n: number) => boolean): number {
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
