import type { ReadTx, Tx } from '../../store/store.ts';
import { appendEvent, type EventType } from './events.ts';

const alertTypes = [
  'unexplained_outflow',
  'unmatched_inflow',
  'owner_withdrawal',
  'evidence_mismatch',
  'claim_without_transfer',
  'top_up_short',
  'split_refused',
  'revenue_failed',
  'policy_above_ceilings',
  'chain_unavailable',
  'chain_mismatch',
  'chain_inconsistent',
  'token_paused',
  'wallet_blacklisted',
  'executor_replaced',
  'approvals_short',
  'deployment_refused',
  'nonce_used',
  'refusal_unexplained',
  'chain_contradiction',
  'chain_behind',
] as const;
export type AlertType = (typeof alertTypes)[number];

export type Alert = {
  type: AlertType;
  agentId?: string | null;
  sponsorId?: string | null;
  paymentId?: string | null;
  /** JSON values only: amounts and block numbers as text. */
  data: Record<string, unknown>;
};

/** Notes something a person must look at, and says so in the event log. */
export function raiseAlert(tx: Tx, alert: Alert, atMs: number, event: EventType = 'alert.raised'): void {
  const body = { ...alert.data, ...(alert.paymentId ? { payment: alert.paymentId } : {}) };
  tx.run(
    'INSERT INTO alerts (type, agent_id, body_json, raised_at) VALUES (?, ?, ?, ?)',
    alert.type,
    alert.agentId ?? null,
    JSON.stringify(body),
    atMs,
  );
  appendEvent(
    tx,
    {
      type: event,
      actor: 'bursar',
      paymentId: alert.paymentId ?? null,
      agentId: alert.agentId ?? null,
      sponsorId: alert.sponsorId ?? null,
      data: { alert: alert.type, ...alert.data },
    },
    atMs,
  );
}

/** As `raiseAlert`, but while one of the type is open for the agent it only counts up: a flood of dust makes one alert. */
export function raiseOnce(tx: Tx, alert: Alert, atMs: number): void {
  const open = openAlert(tx, alert.type, alert.agentId ?? null);
  if (!open) {
    raiseAlert(tx, { ...alert, data: { ...alert.data, count: 1 } }, atMs);
    return;
  }
  tx.run(
    "UPDATE alerts SET body_json = json_set(body_json, '$.count', coalesce(json_extract(body_json, '$.count'), 1) + 1) WHERE id = ?",
    open.id,
  );
}

export function openAlert(tx: ReadTx, type: AlertType, agentId: string | null): { id: bigint } | undefined {
  return tx.get<{ id: bigint }>(
    'SELECT id FROM alerts WHERE type = ? AND agent_id IS ? AND resolved_at IS NULL ORDER BY id LIMIT 1',
    type,
    agentId,
  );
}

/** Closes all open ones of a type that concern no agent. True if there were any. */
export function resolveAlerts(tx: Tx, type: AlertType, atMs: number): boolean {
  return (
    tx.run(
      'UPDATE alerts SET resolved_at = ? WHERE type = ? AND agent_id IS NULL AND resolved_at IS NULL',
      atMs,
      type,
    ) > 0
  );
}

/** Closes what was raised about a log that is gone, unless it has come to stand for others too. */
export function resolveAlertsOfLog(tx: Tx, blockHash: string, logIndex: number, atMs: number): void {
  tx.run(
    `UPDATE alerts SET resolved_at = ? WHERE resolved_at IS NULL AND json_extract(body_json, '$.block_hash') = ?
     AND json_extract(body_json, '$.log_index') = ? AND coalesce(json_extract(body_json, '$.count'), 1) = 1`,
    atMs,
    blockHash,
    logIndex,
  );
}
