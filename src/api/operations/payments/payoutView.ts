import { z } from 'zod';
import { states } from '../../../core/payment/states.ts';
import { AmountView, amountView, iso } from '../../../core/schemas/schemas.ts';
import type { Payment } from '../../../decide/payments/payment.ts';
import { findPayment } from '../../../decide/payments/records.ts';
import type { GasEstimate } from '../../../spend/payouts/gas.ts';
import type { PayoutLine } from '../../../spend/payouts/line.ts';
import {
  type LineState,
  type Payout,
  type PayoutState,
  progressOf,
  type StoredLine,
  sentFor,
} from '../../../spend/payouts/payout.ts';
import type { PreviewedLine } from '../../../spend/payouts/preview.ts';
import type { Warning } from '../../../spend/payouts/warnings.ts';
import type { ReadTx } from '../../../store/store.ts';

const payoutStates = ['deciding', 'decided', 'stopped'] as const satisfies readonly PayoutState[];
const lineStates = [...states, 'waiting', 'refused'] as const satisfies readonly LineState[];
const effects = ['allow', 'review', 'deny'] as const;
/** Lines above this number are only in the sums. */
const LISTED_MAX = 1_000;

export const PayoutView = z
  .object({
    id: z.string(),
    key: z.string().describe('The Idempotency-Key it was sent with'),
    agent: z.string(),
    state: z.enum(payoutStates),
    total: z.int(),
    total_amount: AmountView,
    waiting: z.int().describe('Lines not decided yet'),
    authorized: z.int().describe('Allowed, and on their way'),
    in_review: z.int(),
    denied: z.int().describe('By the policy'),
    settled: z.int().describe('In a block, or in a final one'),
    failed: z
      .int()
      .describe('Ended without moving money: denied, rejected, expired, cancelled, or refused by the chain'),
    settled_amount: AmountView,
    by_state: z.partialRecord(z.enum(lineStates), z.int()),
    transactions: z.object({
      mined: z.int(),
      open: z.int().describe('Queued or sent; what settled last may stand here for a moment'),
      gas_used: z.string().describe('By the mined ones'),
    }),
    created_at: z.string(),
    updated_at: z.string(),
  })
  .meta({ id: 'Payout' });

export async function payoutView(tx: ReadTx, payout: Payout): Promise<z.input<typeof PayoutView>> {
  const progress = await progressOf(tx, payout.id);
  const lines = (...which: LineState[]): number =>
    which.reduce((sum, each) => sum + (progress.get(each)?.lines ?? 0), 0);
  const micro = (each: LineState): bigint => progress.get(each)?.micro ?? 0n;
  const sent = await sentFor(tx, payout.id);
  return {
    id: payout.id,
    key: payout.idempotencyKey,
    agent: payout.agentId,
    state: payout.state,
    total: payout.total,
    total_amount: amountView(payout.totalMicro),
    waiting: lines('waiting'),
    authorized: lines('authorized', 'submitted'),
    in_review: lines('in_review'),
    denied: lines('denied'),
    settled: lines('settled', 'final'),
    failed: lines('failed', 'rejected', 'expired', 'cancelled', 'refused'),
    settled_amount: amountView(micro('settled') + micro('final')),
    by_state: Object.fromEntries([...progress].map(([state, { lines: n }]) => [state, n])),
    transactions: { mined: sent.mined, open: sent.open, gas_used: sent.gasUsed.toString() },
    created_at: iso(payout.createdAtMs),
    updated_at: iso(payout.updatedAtMs),
  };
}

export const LineView = z
  .object({
    line: z.int(),
    id: z.string(),
    payee: z.string().nullable(),
    address: z.string().nullable(),
    amount: AmountView,
    category: z.string().nullable(),
    memo: z.string().nullable(),
    state: z.enum(lineStates),
    payment: z.string().nullable(),
    reason: z.object({ code: z.string(), message: z.string() }).nullable(),
    tx_hash: z.string().nullable(),
  })
  .meta({ id: 'PayoutLine' });

export async function lineView(tx: ReadTx, line: StoredLine): Promise<z.input<typeof LineView>> {
  const payment = line.paymentId === null ? undefined : await findPayment(tx, line.paymentId);
  const reason = payment && whyNot(payment);
  return {
    line: line.line,
    id: line.id,
    payee: line.payee,
    address: payment?.address ?? line.address,
    amount: amountView(line.amount),
    category: line.category,
    memo: line.memo,
    state: line.refused ? 'refused' : (payment?.state ?? 'waiting'),
    payment: line.paymentId,
    reason: line.refused ?? (reason ? { code: reason.code, message: reason.message } : null),
    tx_hash: payment?.settlement?.txHash ?? null,
  };
}

/**
 * Why it was not paid; empty for a payment that settled or is pending. The latest cause, such as the chain's refusal, comes last.
 */
function whyNot({ state, reasons }: Payment): Payment['reasons'][number] | undefined {
  if (state === 'denied' || state === 'in_review') return reasons[0];
  return ['failed', 'rejected', 'expired', 'cancelled'].includes(state) ? reasons.at(-1) : undefined;
}

export const PreviewView = z
  .object({
    payout: z.string().nullable().describe('The one that is stored under this key already'),
    total: z.int(),
    total_amount: AmountView,
    done: z.int().describe('Lines of the stored payout that have their payment already'),
    allowed: z.int(),
    review: z.int(),
    denied: z.int(),
    allowed_amount: AmountView,
    reasons: z.array(
      z.object({ effect: z.enum(effects), code: z.string(), lines: z.int(), first_line: z.int(), message: z.string() }),
    ),
    not_allowed: z
      .array(z.object({ line: z.int(), effect: z.enum(effects), code: z.string(), message: z.string() }))
      .describe('The first 1,000'),
    gas: z.object({
      transactions: z.int(),
      estimate: z.string().describe('Of the allowed lines'),
      new_holders: z.int().nullable().describe('Addresses without USDC, which cost more; null: unknown, taken for all'),
      cost_wei: z.string().nullable().describe('At the current gas price'),
    }),
    warnings: z.array(z.object({ code: z.string(), message: z.string() })).describe('What the policy does not know of'),
    policy_digest: z.string(),
    as_of: z.string().describe('Decided again at execution: others may spend meanwhile'),
  })
  .meta({ id: 'PayoutPreview' });

export function previewView(found: {
  known: Payout | null;
  lines: readonly PayoutLine[];
  previewed: readonly PreviewedLine[];
  gas: GasEstimate;
  warnings: Warning[];
  policyDigest: string;
  atMs: number;
}): z.input<typeof PreviewView> {
  const { known, lines, previewed, gas } = found;
  const of = (effect: PreviewedLine['effect']): PreviewedLine[] => previewed.filter((each) => each.effect === effect);
  const sum = (some: readonly { amountMicro: bigint }[]): bigint =>
    some.reduce((total, { amountMicro }) => total + amountMicro, 0n);
  const others = previewed.filter(({ effect }) => effect !== 'allow');
  return {
    payout: known?.id ?? null,
    total: lines.length,
    total_amount: amountView(lines.reduce((total, { amount }) => total + amount, 0n)),
    done: lines.length - previewed.length,
    allowed: of('allow').length,
    review: of('review').length,
    denied: of('deny').length,
    allowed_amount: amountView(sum(of('allow'))),
    reasons: reasonsOf(others),
    not_allowed: others.slice(0, LISTED_MAX).map(({ line, effect, reason }) => ({ line, effect, ...told(reason) })),
    gas: {
      transactions: gas.transactions,
      estimate: gas.gas.toString(),
      new_holders: gas.newHolders,
      cost_wei: gas.costWei?.toString() ?? null,
    },
    warnings: found.warnings,
    policy_digest: found.policyDigest,
    as_of: iso(found.atMs),
  };
}

type Reasons = z.input<typeof PreviewView>['reasons'];

/** Each reason once, with the number of lines that it stops; the most frequent first. */
function reasonsOf(others: readonly PreviewedLine[]): Reasons {
  const found = new Map<string, Reasons[number]>();
  for (const { line, effect, reason } of others) {
    const { code, message } = told(reason);
    const key = `${effect} ${code}`;
    const before = found.get(key);
    if (before) before.lines += 1;
    else found.set(key, { effect, code, lines: 1, first_line: line, message });
  }
  return [...found.values()].sort((a, b) => b.lines - a.lines);
}

const told = (reason: PreviewedLine['reason']): { code: string; message: string } =>
  reason ?? { code: 'unknown', message: 'No reason was given.' };
