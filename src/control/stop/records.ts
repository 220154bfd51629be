import { invariant } from '../../core/errors/base.ts';
import type { AgentId } from '../../core/ids/ids.ts';
import type { RowOf } from '../../store/statement.ts';
import type { ReadTx, Tx } from '../../store/store.ts';
import { newestStopOf, newestStops, newStop, setChainPart, setServerPart, stopsUnderWay } from './queries.ts';

export const stepNames = ['freeze', 'cancel_authorizations', 'sweep_purse', 'signed_payments'] as const;
/**
 * `waiting`: sent or about to be. `done`: confirmed by the chain. `needs_people`: no key here may do it, `call` is the call to
 * send. `not_needed`: there was nothing to do.
 */
export type ChainStep = {
  step: (typeof stepNames)[number];
  state: 'waiting' | 'done' | 'needs_people' | 'not_needed';
  detail: string;
  call: { to: string; data: string } | null;
};
/** The changes that the server made at once. */
export type ServerPart = {
  keys_revoked: number;
  payments_cancelled: number;
  payments_signed: number;
  payouts_stopped: number;
  schedules_paused: number;
  mandates_revoked: number;
};
/** Amounts in micro-USDC as text. `purse`: its balance on chain (in the books if the chain is unavailable). */
export type ChainPart = { steps: ChainStep[]; purse: string; chainAnswers: boolean };

export type Stop = {
  id: bigint;
  agentId: AgentId;
  reason: string;
  actor: string;
  server: ServerPart;
  chain: ChainPart | null;
  startedAtMs: number;
  frozenAtMs: number | null;
  safeAtMs: number | null;
  endedAtMs: number | null;
};
const ms = (value: bigint | null): number | null => (value === null ? null : Number(value));
const toStop = (row: RowOf<typeof newStop>): Stop => ({
  id: row.id,
  agentId: row.agent_id as AgentId,
  reason: row.reason,
  actor: row.actor,
  server: JSON.parse(row.server_json) as ServerPart,
  chain: row.chain_json === null ? null : (JSON.parse(row.chain_json) as ChainPart),
  startedAtMs: Number(row.started_at),
  frozenAtMs: ms(row.frozen_at),
  safeAtMs: ms(row.safe_at),
  endedAtMs: ms(row.ended_at),
});

export async function insertStop(
  tx: Tx,
  stop: Pick<Stop, 'agentId' | 'reason' | 'actor' | 'server' | 'startedAtMs'>,
): Promise<Stop> {
  const row = await tx.get(newStop, {
    agent: stop.agentId,
    reason: stop.reason,
    actor: stop.actor,
    server: JSON.stringify(stop.server),
    at: stop.startedAtMs,
  });
  invariant(row, 'An insert gives back its row.');
  return toStop(row);
}

/** The agent's newest stop, ended or not; null if it was never stopped. */
export async function latestStop(tx: ReadTx, agentId: string): Promise<Stop | null> {
  const row = await tx.get(newestStopOf, { agent: agentId });
  return row ? toStop(row) : null;
}

export async function openStops(tx: ReadTx): Promise<Stop[]> {
  return (await tx.all(stopsUnderWay)).map(toStop);
}

/** Each agent's newest stop, newest first. */
export async function listStops(tx: ReadTx, limit: number): Promise<Stop[]> {
  return (await tx.all(newestStops, { limit })).map(toStop);
}

export async function addToServerPart(tx: Tx, stop: Stop, server: ServerPart): Promise<void> {
  await tx.run(setServerPart, { id: stop.id, server: JSON.stringify(server) });
}

export async function noteChain(
  tx: Tx,
  stop: Stop,
  seen: { chain: ChainPart; frozenAtMs: number | null; safeAtMs: number | null; endedAtMs: number | null },
): Promise<void> {
  await tx.run(setChainPart, {
    id: stop.id,
    chain: JSON.stringify(seen.chain),
    frozen: seen.frozenAtMs,
    safe: seen.safeAtMs,
    ended: seen.endedAtMs,
  });
}
