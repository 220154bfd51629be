import type { Act } from '../../books/ledger/audit.ts';
import { appendEvent } from '../../books/ledger/events.ts';
import { withdrawQueued } from '../../chain/settlement/withdraw.ts';
import { getAgent, setAgentStatus } from '../../decide/identity/agents.ts';
import { listCredentials, revokeCredential } from '../../decide/identity/credentials.ts';
import type { Agent } from '../../decide/identity/identity.ts';
import { endMandate } from '../../decide/mandates/mandates.ts';
import { toPayment } from '../../decide/payments/records.ts';
import { transition } from '../../decide/payments/transition.ts';
import { setScheduleStatus } from '../../spend/recurring/schedules.ts';
import type { Tx } from '../../store/store.ts';
import { activeSchedules, openMandates, stopPayouts, unsettled } from './queries.ts';
import { addToServerPart, insertStop, latestStop, type ServerPart, type Stop } from './records.ts';

const PAYMENTS_MAX = 10_000;

/**
 * The server's part of a stop, all in the caller's write transaction: after its commit no request of the agent is accepted, none of
 * its payments is signed, and no scheduled payment is made. Signatures from before the stop are the worker's part. Stopping a
 * stopped agent again ends what was added since, and continues the running stop.
 */
export async function stopAgent(tx: Tx, act: Act, idOrName: string, reason: string): Promise<Stop> {
  const agent = await getAgent(tx, idOrName);
  const running = await latestStop(tx, agent.id);
  if (agent.status === 'active') await setAgentStatus(tx, act, agent.id, { status: 'frozen', reason });
  const { cancelled, signed } = await endPayments(tx, act, agent.id);
  const server: ServerPart = {
    keys_revoked: await revokeKeys(tx, act, agent),
    payments_cancelled: cancelled,
    payments_signed: signed,
    payouts_stopped: await tx.run(stopPayouts, { agent: agent.id, at: act.atMs }),
    schedules_paused: await pauseSchedules(tx, act, agent.id),
    mandates_revoked: await endMandates(tx, act, agent.id),
  };
  if (running && running.endedAtMs === null) {
    const sum = addUp(running.server, server);
    await addToServerPart(tx, running, sum);
    return { ...running, server: sum };
  }
  const stop = await insertStop(tx, { agentId: agent.id, reason, actor: act.actor, server, startedAtMs: act.atMs });
  const fields = { actor: act.actor, agentId: agent.id, sponsorId: agent.sponsorId, data: { reason, ...server } };
  await appendEvent(tx, { type: 'agent.stop_started', ...fields }, act.atMs);
  return stop;
}

async function revokeKeys(tx: Tx, act: Act, agent: Agent): Promise<number> {
  const keys = (await listCredentials(tx)).filter(
    ({ agentId, revokedAtMs }) => agentId === agent.id && revokedAtMs === null,
  );
  for (const { id } of keys) await revokeCredential(tx, act, id);
  return keys.length;
}

/** Ends everything that is not signed and releases its hold. Only the chain can end a signed payment. */
export async function endPayments(tx: Tx, act: Act, agentId: string): Promise<{ cancelled: number; signed: number }> {
  const rows = await tx.all(unsettled, { agent: agentId, limit: PAYMENTS_MAX });
  let cancelled = 0;
  for (const row of rows) {
    const payment = toPayment(row);
    const endable =
      payment.state === 'in_review' || (payment.state === 'authorized' && (await withdrawQueued(tx, payment)));
    if (!endable) continue;
    await transition(tx, payment, 'cancel', { ...act, data: { reason: 'agent_stopped' } });
    cancelled += 1;
  }
  return { cancelled, signed: rows.length - cancelled };
}

async function pauseSchedules(tx: Tx, act: Act, agentId: string): Promise<number> {
  const active = await tx.all(activeSchedules, { agent: agentId });
  for (const { id } of active) await setScheduleStatus(tx, act, id, 'paused');
  return active.length;
}

async function endMandates(tx: Tx, act: Act, agentId: string): Promise<number> {
  // All authorizations, not only the first page of a list: an agent with very many must not hide an old one.
  const open = await tx.all(openMandates, { agent: agentId });
  for (const { id } of open) await endMandate(tx, act, id);
  return open.length;
}

function addUp(before: ServerPart, now: ServerPart): ServerPart {
  return {
    keys_revoked: before.keys_revoked + now.keys_revoked,
    payments_cancelled: before.payments_cancelled + now.payments_cancelled,
    payments_signed: now.payments_signed,
    payouts_stopped: before.payouts_stopped + now.payouts_stopped,
    schedules_paused: before.schedules_paused + now.schedules_paused,
    mandates_revoked: before.mandates_revoked + now.mandates_revoked,
  };
}
