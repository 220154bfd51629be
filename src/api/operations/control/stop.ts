import { z } from 'zod';
import { latestStop, listStops, type Stop, stepNames } from '../../../control/stop/records.ts';
import { riskOf } from '../../../control/stop/risk.ts';
import { stopAgent } from '../../../control/stop/stopAgent.ts';
import { BursarError } from '../../../core/errors/base.ts';
import { mapInOrder, reduceInOrder } from '../../../core/inOrder.ts';
import { AmountView, amountView, iso, isoOrNull, Limit, Ref, safeText } from '../../../core/schemas/schemas.ts';
import { getAgent, listAgents } from '../../../decide/identity/agents.ts';
import type { ReadTx } from '../../../store/store.ts';
import { actOf } from '../act.ts';
import type { App } from '../app.ts';
import { operation } from '../operation.ts';

const Seconds = z.number().min(0);
const StopView = z
  .object({
    agent: z.string(),
    name: z.string(),
    state: z
      .enum(['stopping', 'safe', 'ended'])
      .describe(
        'safe: nothing is at risk any more; ended: and all of it is final on chain, or people let the agent go on',
      ),
    reason: z.string(),
    actor: z.string(),
    started_at: z.string(),
    seconds: Seconds.describe('Since the stop; until nothing was at risk, where that is so'),
    seconds_to_frozen: Seconds.nullable().describe('Until the chain showed the wallet frozen; null: not yet'),
    at_risk: AmountView.describe('What signatures made before the stop can still move: signed payments and the purse'),
    risk: z.object({
      signed_payments: AmountView,
      purse: AmountView,
      live_authorizations: AmountView.describe('Of the purse: what sellers could still draw with what they hold'),
    }),
    server: z.object({
      keys_revoked: z.int(),
      payments_cancelled: z.int(),
      payments_signed: z.int().describe('Were signed already: only the chain ends them'),
      payouts_stopped: z.int(),
      schedules_paused: z.int(),
      mandates_revoked: z.int(),
    }),
    steps: z.array(
      z.object({
        step: z.enum(stepNames),
        state: z.enum(['waiting', 'done', 'needs_people', 'not_needed']),
        detail: z.string(),
        call: z.object({ to: z.string(), data: z.string() }).nullable().describe('The calls that people must send'),
      }),
    ),
    ended_at: z.string().nullable(),
  })
  .meta({ id: 'Stop' });

async function view(tx: ReadTx, stop: Stop, nowMs: number): Promise<z.input<typeof StopView>> {
  const agent = await getAgent(tx, stop.agentId);
  const { chain } = stop;
  const risk = await riskOf(tx, agent.id, chain?.chainAnswers ? BigInt(chain.purse) : null);
  const none = { signedPayments: 0n, purse: 0n, liveAuthorizations: 0n, total: 0n };
  const shown = stop.endedAtMs === null ? risk : none;
  const isSafe = stop.safeAtMs !== null && shown.total === 0n;
  return {
    agent: agent.id,
    name: agent.name,
    state: stop.endedAtMs !== null ? 'ended' : isSafe ? 'safe' : 'stopping',
    reason: stop.reason,
    actor: stop.actor,
    started_at: iso(stop.startedAtMs),
    seconds: secondsOf(stop, (isSafe ? stop.safeAtMs : stop.endedAtMs) ?? nowMs),
    seconds_to_frozen: stop.frozenAtMs === null ? null : secondsOf(stop, stop.frozenAtMs),
    at_risk: amountView(shown.total),
    risk: {
      signed_payments: amountView(shown.signedPayments),
      purse: amountView(shown.purse),
      live_authorizations: amountView(shown.liveAuthorizations),
    },
    server: stop.server,
    steps: chain?.steps ?? [],
    ended_at: isoOrNull(stop.endedAtMs),
  };
}

const secondsOf = (stop: Stop, atMs: number): number => Math.max(0, atMs - stop.startedAtMs) / 1000;

const Reason = safeText(280).describe('Why, for the event log');

async function stopOne(app: App, act: ReturnType<typeof actOf>, id: string, reason: string) {
  return app.store.write(async (tx) => view(tx, await stopAgent(tx, act, id, reason), act.atMs));
}

export const stopOperations = [
  operation({
    name: 'stop_agent',
    summary:
      'Stop an agent everywhere, in one action: keys, queue, schedules, mandates, 402 authorizations, purse and wallet. get_stop tells how far it is.',
    method: 'POST',
    path: '/v1/agents/{id}/stop',
    scope: 'admin',
    cost: 'medium',
    input: z.strictObject({ id: Ref, reason: Reason }),
    output: StopView,
    errors: ['agent_not_found'],
    handler: async (app, caller, { id, reason }) => {
      const answer = await stopOne(app, actOf(app, caller), id, reason);
      app.wake();
      return answer;
    },
  }),
  operation({
    name: 'get_stop',
    summary: 'How far the stop of an agent is: seconds, steps, and USDC still at risk.',
    method: 'GET',
    path: '/v1/agents/{id}/stop',
    scope: 'read',
    cost: 'medium',
    input: z.strictObject({ id: Ref }),
    output: StopView,
    errors: ['agent_not_found', 'not_found'],
    handler: (app, caller, { id }) =>
      app.store.read(async (tx) => {
        const agent = await getAgent(tx, id);
        if (caller.credential.agentId !== null && caller.credential.agentId !== agent.id)
          throw new BursarError('not_found');
        const stop = await latestStop(tx, agent.id);
        if (!stop) throw new BursarError('not_found', { message: `${agent.name} was never stopped.` });
        return view(tx, stop, app.clock());
      }),
  }),
  operation({
    name: 'stop_all',
    summary: 'Stop every agent everywhere, at once.',
    method: 'POST',
    path: '/v1/stop',
    scope: 'admin',
    cost: 'heavy',
    input: z.strictObject({ reason: Reason }),
    output: z.object({ stops: z.array(StopView), at_risk: AmountView }),
    errors: [],
    handler: async (app, caller, { reason }) => {
      const act = actOf(app, caller);
      const agents = await app.store.read(async (tx) => (await listAgents(tx)).map(({ id }) => id));
      // One job each: they share commits, and a failing one does not keep the others from being stopped.
      const settled = await Promise.allSettled(agents.map((id) => stopOne(app, act, id, reason)));
      app.wake();
      const failed = settled.find((each) => each.status === 'rejected');
      if (failed) throw failed.reason;
      const stops = settled.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
      return { stops, at_risk: await app.store.read(async (tx) => amountView(await atRisk(tx, stops))) };
    },
  }),
  operation({
    name: 'list_stops',
    summary: 'The newest stop of each agent that was stopped, and what is at risk in all of them.',
    method: 'GET',
    path: '/v1/stops',
    scope: 'read',
    cost: 'medium',
    input: z.strictObject({ limit: Limit }),
    output: z.object({ stops: z.array(StopView), at_risk: AmountView }),
    errors: [],
    handler: (app, caller, { limit }) =>
      app.store.read(async (tx) => {
        const own = caller.credential.agentId;
        const found = (await listStops(tx, limit)).filter(({ agentId }) => own === null || own === agentId);
        const stops = await mapInOrder(found, (stop) => view(tx, stop, app.clock()));
        return { stops, at_risk: amountView(await atRisk(tx, stops)) };
      }),
  }),
];

async function atRisk(tx: ReadTx, stops: readonly z.input<typeof StopView>[]): Promise<bigint> {
  return reduceInOrder(
    stops.filter(({ state }) => state !== 'ended'),
    async (sum, { agent }) => {
      const chain = (await latestStop(tx, agent))?.chain;
      return sum + (await riskOf(tx, agent, chain?.chainAnswers ? BigInt(chain.purse) : null)).total;
    },
    0n,
  );
}
