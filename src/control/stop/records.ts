import type { AgentId } from '../../core/ids/ids.ts';
import type { ReadTx, Tx } from '../../store/store.ts';

export const stepNames = ['freeze', 'cancel_authorizations', 'sweep_purse', 'signed_payments'] as const;
/**
 * `waiting`: sent or about to be. `done`: the chain says so. `needs_people`: no key here may do it, `call` says what to send.
 * `not_needed`: there was nothing to do.
 */
export type ChainStep = {
  step: (typeof stepNames)[number];
  state: 'waiting' | 'done' | 'needs_people' | 'not_needed';
  detail: string;
  call: { to: string; data: string } | null;
};
/** What the server undid at once. */
export type ServerPart = {
  keys_revoked: number;
  payments_cancelled: number;
  payments_signed: number;
  payouts_stopped: number;
  schedules_paused: number;
  mandates_revoked: number;
};
/** Amounts in micro-USDC as text. `purse`: what lies there by the chain (by the books where it is away). */
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
type Row = {
  id: bigint;
  agent_id: string;
  reason: string;
  actor: string;
  server_json: string;
  chain_json: string | null;
  started_at: bigint;
  frozen_at: bigint | null;
  safe_at: bigint | null;
  ended_at: bigint | null;
};
const ms = (value: bigint | null): number | null => (value === null ? null : Number(value));
const toStop = (row: Row): Stop => ({
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

export function insertStop(tx: Tx, stop: Pick<Stop, 'agentId' | 'reason' | 'actor' | 'server' | 'startedAtMs'>): Stop {
  const row = tx.get<Row>(
    'INSERT INTO stops (agent_id, reason, actor, server_json, started_at) VALUES (?, ?, ?, ?, ?) RETURNING *',
    stop.agentId,
    stop.reason,
    stop.actor,
    JSON.stringify(stop.server),
    stop.startedAtMs,
  );
  return toStop(row as Row);
}

/** The agent's newest stop, ended or not; null where it was never stopped. */
export function latestStop(tx: ReadTx, agentId: string): Stop | null {
  const row = tx.get<Row>('SELECT * FROM stops WHERE agent_id = ? ORDER BY id DESC LIMIT 1', agentId);
  return row ? toStop(row) : null;
}

export function openStops(tx: ReadTx): Stop[] {
  return tx.all<Row>('SELECT * FROM stops WHERE ended_at IS NULL ORDER BY id LIMIT 1000').map(toStop);
}

/** Each agent's newest stop, the newest first. */
export function listStops(tx: ReadTx, limit: number): Stop[] {
  return tx
    .all<Row>(
      'SELECT * FROM stops WHERE id IN (SELECT max(id) FROM stops GROUP BY agent_id) ORDER BY id DESC LIMIT ?',
      limit,
    )
    .map(toStop);
}

export function addToServerPart(tx: Tx, stop: Stop, server: ServerPart): void {
  tx.run('UPDATE stops SET server_json = ? WHERE id = ?', JSON.stringify(server), stop.id);
}

export function noteChain(
  tx: Tx,
  stop: Stop,
  seen: { chain: ChainPart; frozenAtMs: number | null; safeAtMs: number | null; endedAtMs: number | null },
): void {
  tx.run(
    'UPDATE stops SET chain_json = ?, frozen_at = ?, safe_at = ?, ended_at = ? WHERE id = ? AND ended_at IS NULL',
    JSON.stringify(seen.chain),
    seen.frozenAtMs,
    seen.safeAtMs,
    seen.endedAtMs,
    stop.id,
  );
}
