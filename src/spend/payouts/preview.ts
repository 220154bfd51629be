import type { Address } from 'viem';
import { invariant } from '../../core/errors/base.ts';
import type { Answer } from '../../decide/payments/answer.ts';
import { decideGroup } from '../../decide/payments/decideGroup.ts';
import { load } from '../../decide/payments/load.ts';
import type { GateContext } from '../../decide/payments/rules.ts';
import type { WorkingSet } from '../../decide/payments/workingSet.ts';
import type { Effect } from '../../decide/policy/decision.ts';
import type { Store } from '../../store/store.ts';
import type { PayoutLine } from './line.ts';
import { lineRequest } from './paymentRequest.ts';
import type { Payout } from './payout.ts';

/** Other people's requests wait for so many decisions at most. */
const LINES_PER_CHUNK = 100;

export type PreviewedLine = {
  line: number;
  effect: Effect;
  reason: { code: string; message: string } | null;
  address: Address | null;
  amountMicro: bigint;
  /** Needs people's signatures and is sent in a separate transaction. */
  alone: boolean;
};
/**
 * What the gate would say to the lines, one after another: the same decision on the same facts, of which nothing is written. Each line
 * sees those before it, and a chunk also what others were given meanwhile.
 */
export async function previewLines(
  store: Store,
  payout: Pick<Payout, 'id' | 'agentId'>,
  lines: readonly (PayoutLine & { attempt: number })[],
  { actor, ...context }: GateContext,
): Promise<PreviewedLine[]> {
  const rules = { ...context, shadow: null };
  const previewed: PreviewedLine[] = [];
  let set: WorkingSet | null = null;
  for (let from = 0; from < lines.length; from += LINES_PER_CHUNK) {
    const part = lines.slice(from, from + LINES_PER_CHUNK);
    const asks = part.map((line) => ({ request: lineRequest(payout, line), actor }));
    const read: WorkingSet = await store.read((tx) => load(tx, rules, asks));
    if (set === null) set = read;
    else set.join(read);
    const answers = decideGroup(rules, set, asks);
    previewed.push(...part.map((line, index) => lineOf(line, answers[index] as Answer)));
    await new Promise((others) => setImmediate(others));
  }
  return previewed;
}

function lineOf({ line, amount }: PayoutLine, answer: Answer): PreviewedLine {
  if ('error' in answer) {
    const { code, message, status } = answer.error;
    if (status >= 500) throw answer.error;
    return { line, effect: 'deny', reason: { code, message }, address: null, amountMicro: amount, alone: false };
  }
  const { payment } = answer;
  invariant(payment, 'A line was decided without a payment.', { line });
  const effect = payment.state === 'denied' ? 'deny' : payment.state === 'in_review' ? 'review' : 'allow';
  const [first] = payment.reasons;
  const reason = effect === 'allow' || !first ? null : { code: first.code, message: first.message };
  return { line, effect, reason, address: payment.address, amountMicro: amount, alone: payment.requiresChainApproval };
}
