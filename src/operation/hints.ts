import type { z } from 'zod';
import { agentAccount, balance } from '../ledger/journal.ts';
import type { Evaluated, Verdict } from '../payments/decide.ts';
import { inputOf } from '../payments/facts.ts';
import type { GateContext } from '../payments/gate.ts';
import type { PaymentRequest } from '../payments/request.ts';
import { findHints, type Hints } from '../policy/hints.ts';
import type { PolicyInput } from '../policy/input.ts';
import type { App } from './app.ts';
import type { HintsView } from './paymentView.ts';
import { amountView, iso } from './schemas.ts';

/**
 * What would pass instead of a denial or a review, found by asking the same policy again, outside the gate's transaction. Null
 * when it passes as it is.
 */
export function hintsFor(
  app: App,
  request: PaymentRequest,
  evaluated: Evaluated,
  reasons: Verdict['reasons'],
  context: GateContext,
): z.input<typeof HintsView> | null {
  const short = reasons.some((reason) => reason.code === 'insufficient_funds');
  if (evaluated.decision.effect === 'allow' && !short) return null;
  const input = JSON.parse(evaluated.inputText) as PolicyInput;
  const found = findHints(context.policy, {
    input,
    decision: evaluated.decision,
    inputAt: (atMs) =>
      app.store.read((tx) => inputOf(tx, context.policy, request, evaluated.facts, context.chain, [], atMs)),
  });
  if (evaluated.decision.effect !== 'deny' && short) return withinFunds(app, request, found);
  return view(found);
}

/** The policy would not stand in the way, the balance does. */
function withinFunds(app: App, request: PaymentRequest, found: Hints): z.input<typeof HintsView> {
  const available = app.store.read(
    (tx) =>
      balance(tx, agentAccount(request.agentId, 'available')) +
      (request.rail === 'x402' ? balance(tx, agentAccount(request.agentId, 'purse')) : 0n),
  );
  const most = found.maxAmount !== null && found.maxAmount < available ? found.maxAmount : available;
  return { ...view(found), largest_amount_now: most > 0n ? amountView(most) : null };
}

function view({ maxAmount, earliestAtMs, approvals }: Hints): z.input<typeof HintsView> {
  return {
    largest_amount_now: maxAmount === null ? null : amountView(maxAmount),
    earliest_time: earliestAtMs === null ? null : iso(earliestAtMs),
    unlocked_by: approvals,
  };
}
