import type { z } from 'zod';
import { agentAccount, balance } from '../../../books/ledger/journal.ts';
import { metersAhead } from '../../../books/ledger/metersAhead.ts';
import { zonedTime } from '../../../books/meters/calendar.ts';
import { sha256 } from '../../../core/ids/digest.ts';
import { amountView, iso } from '../../../core/schemas/schemas.ts';
import type { Decided } from '../../../decide/payments/answer.ts';
import type { PaymentRequest } from '../../../decide/payments/request.ts';
import type { Rules } from '../../../decide/payments/rules.ts';
import { findHints, type Hints } from '../../../decide/policy/hints.ts';
import type { PolicyInput } from '../../../decide/policy/input.ts';
import type { App } from '../app.ts';
import type { RequestMeta } from '../operation.ts';
import type { HintsView } from './paymentView.ts';

/** A token is a millisecond, which is this many evaluations. */
const EVALUATIONS_PER_TOKEN = 30;
/** Hints found within the last minute: an agent that repeats a request costs one search. */
const KEPT_MAX = 1_000;
const found = new Map<string, Hints>();

/**
 * What the policy would allow instead of a denial or a review, found by evaluating it again, outside the gate's transaction. Null
 * if the payment passes as it is. The search is charged to the caller.
 */
export async function hintsFor(
  app: App,
  request: PaymentRequest,
  decided: Decided,
  context: Rules & { owe?: RequestMeta['owe'] },
): Promise<z.input<typeof HintsView> | null> {
  const short = decided.reasons.some((reason) => reason.code === 'insufficient_funds');
  const { effect } = decided.evidence.decision;
  if (effect === 'allow' && !short) return null;
  const hints = await search(app, decided, context);
  if (effect !== 'deny' && short) return withinFunds(app, request, hints);
  return view(hints);
}

async function search(
  app: App,
  { evidence, facts }: Decided,
  context: Rules & { owe?: RequestMeta['owe'] },
): Promise<Hints> {
  const { policy } = context;
  const { decision, inputText } = evidence;
  const input = JSON.parse(inputText) as PolicyInput;
  const minute = Math.floor(input.time.ms / 60_000);
  const key = sha256(JSON.stringify([policy.digest, minute, { ...input, time: input.time.zone }]));
  const known = found.get(key);
  if (known) return known;
  const ahead = await app.store.read((tx) =>
    metersAhead(tx, policy.meters, facts.subject, { atMs: input.time.ms, now: input.meters }),
  );
  const leaves = decision.reasons.flatMap(({ observed, limit }) =>
    typeof observed === 'number' && typeof limit === 'number' && observed > limit ? ahead.leaves(observed - limit) : [],
  );
  const inputAt = (atMs: number): PolicyInput => ({
    ...input,
    time: zonedTime(atMs, policy.settings.timezone),
    approvals: [],
    mandate: null,
    meters: ahead.at(atMs),
  });
  let evaluations = 0;
  const onEvaluation = (): void => {
    evaluations += 1;
  };
  const hints = findHints(policy, { input, decision, inputAt, leaves, onEvaluation });
  context.owe?.(Math.floor(evaluations / EVALUATIONS_PER_TOKEN));
  if (found.size >= KEPT_MAX) found.delete(found.keys().next().value as string);
  found.set(key, hints);
  return hints;
}

/** The policy would allow it; the balance does not suffice. */
async function withinFunds(app: App, request: PaymentRequest, hints: Hints): Promise<z.input<typeof HintsView>> {
  const available = await app.store.read(
    async (tx) =>
      (await balance(tx, agentAccount(request.agentId, 'available'))) +
      (request.rail === 'x402' ? await balance(tx, agentAccount(request.agentId, 'purse')) : 0n),
  );
  const most = hints.maxAmount !== null && hints.maxAmount < available ? hints.maxAmount : available;
  return { ...view(hints), largest_amount_now: most > 0n ? amountView(most) : null };
}

function view({ maxAmount, earliestAtMs, approvals }: Hints): z.input<typeof HintsView> {
  return {
    largest_amount_now: maxAmount === null ? null : amountView(maxAmount),
    earliest_time: earliestAtMs === null ? null : iso(earliestAtMs),
    unlocked_by: approvals,
  };
}
