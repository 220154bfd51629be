import { appendEvent, type EventFields } from '../../books/ledger/events.ts';
import { formatUsdc } from '../../core/money/microUsdc.ts';
import type { Tx } from '../../store/store.ts';
import type { Payment } from '../payments/payment.ts';
import type { Rules, Shadow } from '../payments/rules.ts';
import { closeShadow } from '../payments/shadowQueries.ts';
import type { Stage } from '../payments/stage.ts';
import type { WorkingSet } from '../payments/workingSet.ts';
import { isSameAnswer } from '../policy/candidate.ts';
import { type Decision, type Effect, failedDecision } from '../policy/decision.ts';
import type { Policy } from '../policy/policy.ts';

/** Why a candidate is not asked any more. */
export const shadowEnds = ['off', 'replaced', 'activated', 'meters_differ', 'too_slow', 'unreadable'] as const;
export type ShadowEnd = (typeof shadowEnds)[number];
/** One stretch of time in which a candidate is asked. `seq`: its row in `policy_shadows`. */
type ShadowRun = { seq: number; policy: Policy; own: Stage | null };

/**
 * What a candidate may take of everybody's time: so many ms for each payment in the long run, and so many at once (a pause of
 * the garbage collector is not its fault). One that takes more is dropped, whether it answers, fails or runs out of memory.
 */
export const MS_PER_PAYMENT = 5;
export const MS_AT_ONCE = 500;
/**
 * A candidate next to the active policy: the same gate on the same facts, and only words come of it. It judges a set that it does not
 * change; in whatever way it fails is one more difference. `now`: ms of a monotonic clock. `dropped` is called when it was ended for
 * being slow and that is durable.
 */
export function createShadow(run: ShadowRun, { now, dropped }: { now: () => number; dropped: () => void }): Shadow {
  let spentMs = 0;
  let isEnded = false;
  return {
    seq: run.seq,
    policy: run.policy,
    own: run.own,
    ask(judge) {
      // Ended by a request before it in the same group: nobody listens any more.
      if (isEnded) return () => {};
      const startedMs = now();
      const watched = watch(run.policy);
      const { candidate, thrown } = saidBy(() => judge(watched.policy));
      spentMs = Math.max(0, spentMs + now() - startedMs - MS_PER_PAYMENT);
      const failure = watched.failure() ?? thrown;
      return (set, payment, active, rules) => {
        compare(set, run, { payment, active, candidate, failure }, rules);
        if (spentMs <= MS_AT_ONCE) return;
        isEnded = true;
        const { atMs } = rules;
        set.changes.shadowsEnded.push({ shadow: run.seq, actor: 'bursar', atMs, reason: 'too_slow', dropped });
        const policyDigest = run.policy.digest;
        set.ledger.append(endOf(policyDigest, { reason: 'too_slow', actor: 'bursar' }), atMs);
      };
    },
  };
}

/** Ends it in its row and in the event log. */
export async function endShadow(
  tx: Tx,
  run: { seq: number; digest: string },
  end: { reason: ShadowEnd; actor: string; atMs: number; data?: Record<string, unknown> },
): Promise<void> {
  const { reason, actor, atMs } = end;
  await tx.run(closeShadow, { seq: run.seq, at: atMs, by: actor, reason });
  await appendEvent(tx, endOf(run.digest, end), atMs);
}

function endOf(
  policyDigest: string,
  { reason, actor, data }: { reason: ShadowEnd; actor: string; data?: Record<string, unknown> },
): EventFields {
  return { type: 'policy.shadow_ended', actor, policyDigest, data: { reason, ...data } };
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
function saidBy(judge: () => Decision): { candidate: Decision; thrown: string | null } {
  try {
    const { effect, reasons, review } = judge();
    return { candidate: { effect, reasons, review }, thrown: null };
  } catch (error) {
    return { candidate: failedDecision('policy_error'), thrown: String(error).slice(0, 200) };
  }
}

type Pair = { payment: Payment; active: Decision; candidate: Decision; failure: string | null };

function compare(set: WorkingSet, run: ShadowRun, { payment, active, candidate, failure }: Pair, rules: Rules): void {
  const { policy, atMs } = rules;
  const isSame = isSameAnswer(active, candidate);
  set.changes.compared.push({
    ...{ shadow: run.seq, payment: payment.id, atMs, amountMicro: payment.amount, activeDigest: policy.digest },
    ...{ active, candidate, isSame, failure },
  });
  if (isSame) return;
  // Names no agent: what a candidate would say is nothing that an agent's key may read.
  const data = {
    amount: formatUsdc(payment.amount),
    active: told(active),
    shadow: told(candidate),
    ...(failure === null ? {} : { failure }),
  };
  const subject = { paymentId: payment.id, policyDigest: run.policy.digest };
  set.ledger.append({ type: 'policy.shadow_differs', actor: 'bursar', ...subject, data }, atMs);
}

const told = ({ effect, reasons }: Decision): { effect: Effect; codes: string[] } => ({
  effect,
  codes: reasons.map(({ code }) => code),
});
