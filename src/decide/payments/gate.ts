import { ageMeters } from '../../books/meters/meters.ts';
import type { ReadTx, Tx } from '../../store/store.ts';
import type { Answer, Decided, Recorded } from './answer.ts';
import { commit } from './commit.ts';
import { decideGroup } from './decideGroup.ts';
import type { KnownIdentities } from './identities.ts';
import { judge } from './judge.ts';
import { load } from './load.ts';
import type { PaymentRequest } from './request.ts';
import type { Ask, GateContext, Rules } from './rules.ts';
import { keepUp } from './stageMeters.ts';

export type { GateContext };

/**
 * Load, decide, commit: one group of requests inside the caller's write transaction. Answers are in the order of the asks; one that may
 * not be decided is an answer with its error, and nothing of it is written.
 */
export async function decideInto(
  tx: Tx,
  rules: Rules,
  asks: readonly Ask[],
  identities?: KnownIdentities,
): Promise<Answer[]> {
  // Beside other groups the rows of windows are not this one's to take out; readings are exact all the same.
  if (!tx.locks) await ageMeters(tx, rules.policy.meters, rules.atMs);
  if (rules.shadow?.own) await keepUp(tx, rules.shadow.own, rules.atMs);
  const set = await load(tx, rules, asks, identities);
  const answers = decideGroup(rules, set, asks);
  await commit(tx, set, rules.chain.chainId);
  return answers;
}

/** A group of one. Throws where the request may not be decided. */
export async function requestPayment(tx: Tx, request: PaymentRequest, context: GateContext): Promise<Recorded> {
  const [answer] = await decideInto(tx, context, [{ request, actor: context.actor }]);
  return recorded(answer);
}

/** The payment of an answer; throws its error. */
export function recorded(answer: Answer | undefined): Recorded {
  if (answer && 'error' in answer) throw answer.error;
  return answer as Recorded;
}

/** What the gate would say now. Reads only: no hold, no meter, no payment. */
export async function checkPayment(tx: ReadTx, request: PaymentRequest, context: GateContext): Promise<Decided> {
  return judge(await load(tx, context, [{ request, actor: context.actor }]), context, request);
}
