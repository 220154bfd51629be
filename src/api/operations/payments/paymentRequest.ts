import { z } from 'zod';
import { BursarError } from '../../../core/errors/base.ts';
import { sha256 } from '../../../core/ids/digest.ts';
import type { AgentId } from '../../../core/ids/ids.ts';
import { formatUsdc } from '../../../core/money/microUsdc.ts';
import { AddressText, Amount, idOf, Label, Ref, safeText } from '../../../core/schemas/schemas.ts';
import { getAgent } from '../../../decide/identity/agents.ts';
import type { Caller } from '../../../decide/identity/caller.ts';
import type { GateContext } from '../../../decide/payments/gate.ts';
import type { PaymentRequest } from '../../../decide/payments/request.ts';
import type { ReadTx } from '../../../store/store.ts';
import { timeIn } from '../../../store/time.ts';
import { visibleAgent } from '../act.ts';
import type { App } from '../app.ts';

/** Top-ups, splits and refund legs are made inside Bursar or have their own operations. */
export const askableKinds = ['payout', 'purchase', 'transfer', 'recurring', 'refund'] as const;

export const payShape = {
  amount: Amount,
  kind: z.enum(askableKinds).default('payout'),
  payee: Ref.optional().describe('Payee id or name'),
  to_agent: Ref.optional().describe(
    'Instead of a payee: an agent of this Bursar, by id or name; a payee must stand for it',
  ),
  address: AddressText.optional().describe("Where to pay; without it the payee's current address"),
  workflow: Ref.optional(),
  run: safeText(120).optional(),
  category: Label.optional(),
  memo: safeText(280).optional(),
  refund_of: idOf('payment').or(idOf('receivable')).optional().describe('On a refund: what it gives back'),
};
export const PayInput = z.strictObject({
  ...payShape,
  agent: Ref.optional().describe("On whose wallet; an agent's own key need not say"),
});
export type PayInput = z.output<typeof PayInput>;

/** The agent that a caller acts for. An agent's key acts only for its own. */
export async function actingAgent(app: App, caller: Caller, asked: string | undefined): Promise<AgentId> {
  return ownAgent(caller, asked) ?? (await app.store.read((tx) => actingAgentIn(tx, caller, asked)));
}

/** The same inside a transaction. */
export async function actingAgentIn(tx: ReadTx, caller: Caller, asked: string | undefined): Promise<AgentId> {
  const own = ownAgent(caller, asked);
  if (own !== null) return own;
  if (asked === undefined) {
    throw new BursarError('invalid_request', { message: 'Say for which agent: `agent`.' });
  }
  const agent = await getAgent(tx, asked);
  visibleAgent(caller, agent.id);
  return agent.id;
}

/** The agent of the caller's own key, unless it asks for another one or by a name. */
function ownAgent({ credential: { agentId } }: Caller, asked: string | undefined): AgentId | null {
  return asked === undefined || asked === agentId ? (agentId as AgentId | null) : null;
}

/** Converts the request to the gate's form. `within`: the whole batch, so that one key covers all its lines. */
export function toPaymentRequest(
  input: PayInput,
  agentId: AgentId,
  idempotencyKey: string,
  batch: { id: string; text: string } | null,
): PaymentRequest {
  if (input.payee === undefined && input.address === undefined && input.to_agent === undefined) {
    throw new BursarError('invalid_request', { message: 'Say whom to pay: `payee`, `to_agent` or `address`.' });
  }
  if (input.payee !== undefined && input.to_agent !== undefined) {
    throw new BursarError('invalid_request', { message: 'Say `payee` or `to_agent`, not both.' });
  }
  if ((input.kind === 'refund') !== (input.refund_of !== undefined)) {
    throw new BursarError('invalid_request', { message: '`refund_of` and kind refund go together.' });
  }
  if (input.run !== undefined && input.workflow === undefined) {
    throw new BursarError('invalid_request', { message: '`run` belongs to a `workflow`.' });
  }
  const requestJson = JSON.stringify({ ...input, agent: agentId, amount: formatUsdc(input.amount) });
  return {
    agentId,
    idempotencyKey,
    bodyHash: sha256(batch ? `${batch.text}\n${requestJson}` : requestJson),
    requestJson,
    kind: input.kind,
    amount: input.amount,
    payee: input.to_agent === undefined ? (input.payee ?? null) : { agent: input.to_agent },
    address: input.address ?? null,
    workflow: input.workflow === undefined ? null : { ref: input.workflow, run: input.run ?? null },
    category: input.category ?? null,
    memo: input.memo ?? null,
    refundOf: (input.refund_of ?? null) as PaymentRequest['refundOf'],
    batchId: batch?.id ?? null,
    rail: 'wallet',
    host: null,
    x402: null,
  };
}

/**
 * The active policy and the timestamp of this request, for the transaction that decides. Throws `policy_unavailable`; `policy_behind`,
 * after which `dispatch` asks again.
 */
export async function gateRules(tx: ReadTx, app: App, caller: Caller): Promise<GateContext> {
  const rules = await app.policies.rulesIn(tx);
  return { ...rules, chain: app.chainFacts, actor: caller.actor, atMs: await timeIn(tx, app.clock()) };
}

/** The same by what this server knows, for answers that decide nothing. Throws `policy_unavailable`. */
export function gateContext(app: App, caller: Caller): GateContext {
  const { policies, chainFacts, clock } = app;
  return {
    ...policies.inForce(),
    chain: chainFacts,
    actor: caller.actor,
    atMs: clock(),
  };
}
