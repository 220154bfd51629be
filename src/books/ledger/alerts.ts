import type { ReadTx, Tx } from '../../store/store.ts';
import { appendEvent, type EventType } from './events.ts';
import { addAlert, countAlert, openAlertOf, resolveAlertsAt, resolveAlertsOfNobody } from './queries.ts';

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

/** Records a condition that a person must look at, also in the event log. */
export async function raiseAlert(tx: Tx, alert: Alert, atMs: number, event: EventType = 'alert.raised'): Promise<void> {
  const body = { ...alert.data, ...(alert.paymentId ? { payment: alert.paymentId } : {}) };
  await tx.run(addAlert, { type: alert.type, agent: alert.agentId ?? null, body: JSON.stringify(body), at: atMs });
  await appendEvent(
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

/**
 * As `raiseAlert`, but while an alert of the type is open for the agent it only raises its count: many tiny transfers make one
 * alert.
 */
export async function raiseOnce(tx: Tx, alert: Alert, atMs: number): Promise<void> {
  const open = await openAlert(tx, alert.type, alert.agentId ?? null);
  if (!open) {
    await raiseAlert(tx, { ...alert, data: { ...alert.data, count: 1 } }, atMs);
    return;
  }
  await tx.run(countAlert, { id: open.id });
}

export async function openAlert(
  tx: ReadTx,
  type: AlertType,
  agentId: string | null,
): Promise<{ id: bigint } | undefined> {
  return tx.get(openAlertOf, { type, agent: agentId });
}

/** Closes all open alerts of a type that concern no agent. True if there were any. */
export async function resolveAlerts(tx: Tx, type: AlertType, atMs: number): Promise<boolean> {
  return (await tx.run(resolveAlertsOfNobody, { type, at: atMs })) > 0;
}

/** Closes the alert about a log that a reorg removed, unless it also covers others. */
export async function resolveAlertsOfLog(tx: Tx, blockHash: string, logIndex: number, atMs: number): Promise<void> {
  await tx.run(resolveAlertsAt, { block: blockHash, log: logIndex, at: atMs });
}
