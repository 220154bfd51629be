import { BursarError } from '../../core/errors/base.ts';
import type { Answer, Decided } from './answer.ts';
import { judge } from './judge.ts';
import type { Payment } from './payment.ts';
import { appendPaymentEvent, record } from './record.ts';
import type { Ask, Rules } from './rules.ts';
import type { WorkingSet } from './workingSet.ts';

/**
 * The decision. Pure and synchronous: everything that it rests on is in the set, everything that it changes is there afterwards. Each
 * request sees what those before it in the group did, so no number of concurrent requests passes a budget; one that may not be
 * decided is an answer, and takes no other with it.
 */
export function decideGroup(rules: Rules, set: WorkingSet, asks: readonly Ask[]): Answer[] {
  return asks.map((ask) => decideOne(rules, set, ask));
}

export function decideOne(rules: Rules, set: WorkingSet, ask: Ask): Answer {
  let decided: Decided | Payment;
  let tell: ReturnType<NonNullable<Rules['shadow']>['ask']> | undefined;
  try {
    decided = replayOf(set, ask) ?? judge(set, rules, ask.request);
    if ('effect' in decided && rules.shadow && set.hasShadow)
      tell = rules.shadow.ask((policy) => judge(set, { ...rules, policy, shadow: null }, ask.request));
  } catch (error) {
    // Anything else is a fault of ours: the group fails, and each is tried alone.
    if (error instanceof BursarError && error.code !== 'invariant_violated') return { error };
    throw error;
  }
  if (!('effect' in decided)) {
    const data = { state: decided.state };
    appendPaymentEvent(set, decided, 'payment.retried', { actor: ask.actor, atMs: rules.atMs, data });
    return { replayed: true, payment: decided };
  }
  const made = record(set, rules, ask, decided);
  tell?.(set, made.payment, decided, rules);
  return made;
}

/** The same key and body: the payment as it stands. Throws `idempotency_conflict` for another body. */
function replayOf(set: WorkingSet, { request }: Ask): Payment | null {
  const before = set.replay(request);
  if (before && before.bodyHash !== request.bodyHash) {
    throw new BursarError('idempotency_conflict', { details: { payment: before.payment.id } });
  }
  return before?.payment ?? null;
}
