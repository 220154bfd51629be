import { appendEvent } from '../../books/ledger/events.ts';
import { formatUsdc } from '../../core/money/microUsdc.ts';
import type { Tx } from '../../store/store.ts';
import type { GateContext, Shadow } from '../payments/context.ts';
import type { Verdict } from '../payments/decide.ts';
import { checkPayment } from '../payments/gate.ts';
import type { Payment } from '../payments/payment.ts';
import { isSameAnswer } from '../policy/candidate.ts';
import { type Effect, failedDecision } from '../policy/decision.ts';
import type { Policy } from '../policy/policy.ts';
import { addDifference, closeShadow, countCompared, isShadowOpen } from './queries.ts';

/** Why a candidate is not asked any more. */
export const shadowEnds = ['off', 'replaced', 'activated', 'meters_differ', 'too_slow', 'unreadable'] as const;
export type ShadowEnd = (typeof shadowEnds)[number];
/** One stretch of time in which a candidate is asked. `seq`: its row in `policy_shadows`. */
type ShadowRun = { seq: number; policy: Policy };

/**
 * What a candidate may take of everybody's time: so many ms for each payment in the long run, and so many at once (a pause of
 * the garbage collector is not its fault). One that takes more is dropped, whether it answers, fails or runs out of memory.
 */
export const MS_PER_PAYMENT = 5;
export const MS_AT_ONCE = 500;
/** What is asked for and denied has no bound: a sum that the table cannot hold would refuse the payment itself. */
const SUM_MAX = 9_000_000_000_000_000_000n;

type Said = Pick<Verdict, 'effect' | 'reasons' | 'review'>;
type Pair = { active: Said; candidate: Said; failure: string | null };

/**
 * A candidate next to the active policy: the same gate on the same facts in the same transaction, and only words come of it. It
 * is given a `ReadTx`, so it holds nothing and counts nowhere; in whatever way it fails is one more difference. `now`: ms of a
 * monotonic clock. `dropped` is called when it was ended for being slow and that is durable.
 */
export function createShadow(run: ShadowRun, { now, dropped }: { now: () => number; dropped: () => void }): Shadow {
  let spentMs = 0;
  return {
    ask(tx, request, context) {
      // Ended by an earlier job of the same commit: nobody listens any more.
      if (!tx.get(isShadowOpen, { seq: run.seq })) return () => {};
      const startedMs = now();
      const watched = watch(run.policy);
      const candidate = saidBy(() => checkPayment(tx, request, { ...context, policy: watched.policy, shadow: null }));
      spentMs = Math.max(0, spentMs + now() - startedMs - MS_PER_PAYMENT);
      const failure = watched.failure() ?? candidate.failure;
      return (writeTx, payment, active) => {
        compare(writeTx, run, payment, { active, candidate: candidate.verdict, failure }, context);
        if (spentMs <= MS_AT_ONCE) return;
        const end = { reason: 'too_slow', actor: 'bursar', atMs: context.atMs } as const;
        endShadow(writeTx, { seq: run.seq, digest: run.policy.digest }, end);
        writeTx.afterCommit(dropped);
      };
    },
  };
}

/** Ends it in its row and in the event log. */
export function endShadow(
  tx: Tx,
  run: { seq: number; digest: string },
  end: { reason: ShadowEnd; actor: string; atMs: number; data?: Record<string, unknown> },
): void {
  const { reason, actor, atMs } = end;
  tx.run(closeShadow, { seq: run.seq, at: atMs, by: actor, reason });
  const data = { reason, ...end.data };
  appendEvent(tx, { type: 'policy.shadow_ended', actor, policyDigest: run.digest, data }, atMs);
}

/** Keeps what the policy throws in all that the gate asks it for one payment: decisions carry a code only. */
function watch(policy: Policy): { policy: Policy; failure: () => string | null } {
  let failure: string | null = null;
  const evaluate: Policy['evaluate'] = (inputText) => {
    const answer = policy.evaluate(inputText);
    if (answer.failure !== undefined) failure = answer.failure;
    return answer;
  };
  const route: Policy['route'] = (input) => policy.route(input);
  return { policy: Object.assign(Object.create(policy) as Policy, { evaluate, route }), failure: () => failure };
}

/** The active policy has had its answer by now: nothing that the candidate does may take it away. */
function saidBy(ask: () => { verdict: Verdict }): { verdict: Said; failure: string | null } {
  try {
    return { verdict: ask().verdict, failure: null };
  } catch (error) {
    // The store itself fails, and may have ended the transaction: then there is no payment either.
    if (error instanceof Error && error.name === 'SqliteError') throw error;
    return { verdict: failedDecision('policy_error'), failure: String(error).slice(0, 200) };
  }
}

function compare(tx: Tx, run: ShadowRun, payment: Payment, pair: Pair, context: GateContext): void {
  const { active, candidate, failure } = pair;
  const isSame = isSameAnswer(active, candidate);
  const compared = { shadow: run.seq, active: active.effect, candidate: candidate.effect, amount: payment.amount };
  tx.run(countCompared, { ...compared, isSame: isSame ? 1 : 0, most: SUM_MAX });
  if (isSame) return;
  tx.run(addDifference, {
    ...compared,
    payment: payment.id,
    at: context.atMs,
    activeDigest: context.policy.digest,
    activeReasons: JSON.stringify(active.reasons),
    activeReview: active.review && JSON.stringify(active.review),
    candidateReasons: JSON.stringify(candidate.reasons),
    candidateReview: candidate.review && JSON.stringify(candidate.review),
    failure,
  });
  // Names no agent: what a candidate would say is nothing that an agent's key may read.
  appendEvent(
    tx,
    {
      type: 'policy.shadow_differs',
      actor: 'bursar',
      paymentId: payment.id,
      policyDigest: run.policy.digest,
      data: {
        amount: formatUsdc(payment.amount),
        active: told(active),
        shadow: told(candidate),
        ...(failure === null ? {} : { failure }),
      },
    },
    context.atMs,
  );
}

const told = ({ effect, reasons }: Said): { effect: Effect; codes: string[] } => ({
  effect,
  codes: reasons.map(({ code }) => code),
});
