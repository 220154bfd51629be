import { sha256 } from '../../core/ids/digest.ts';

/** The types of events. The names are stable, because people filter by them. */
const eventTypes = [
  'payment.requested',
  'payment.allowed',
  'payment.denied',
  'payment.review_requested',
  'payment.checked',
  'payment.retried',
  'payment.refused',
  'payment.approved',
  'payment.rejected',
  'payment.expired',
  'payment.cancelled',
  'payment.submitted',
  'payment.signed',
  'payment.broadcast',
  'payment.replaced',
  'payment.renumbered',
  'payment.settled',
  'payment.final',
  'payment.reorged',
  'payment.failed',
  'x402.presented',
  'x402.reported',
  'x402.lapsed',
  'x402.offer_changed',
  'fetch.hosts_changed',
  'payout.previewed',
  'payout.created',
  'payout.resumed',
  'payout.stopped',
  'payout.decided',
  'refund.linked',
  'refund.requested',
  'refund.accepted',
  'refund.declined',
  'sale.expected',
  'invoice.created',
  'invoice.cancelled',
  'invoice.claimed',
  'invoice.paid',
  'revenue.routed',
  'revenue.failed',
  'receivable.received',
  'receivable.reorged',
  'transfer.unexplained',
  'suspense.accepted',
  'wallet.deployed',
  'wallet.ceilings_changed',
  'wallet.changed',
  'wallet.frozen',
  'wallet.unfrozen',
  'registry.changed',
  'purse.swept',
  'agent.created',
  'agent.status_changed',
  'agent.stop_started',
  'agent.stop_finished',
  'sponsor.created',
  'sponsor.status_changed',
  'workflow.created',
  'workflow.status_changed',
  'payee.created',
  'payee.changed',
  'payee.address_added',
  'payee.address_verified',
  'payee.address_retired',
  'approver.created',
  'approver.changed',
  'approver.revoked',
  'credential.created',
  'credential.rotated',
  'credential.revoked',
  'session.started',
  'session.refused',
  'session.ended',
  'credential.refused',
  'person.status_changed',
  'notice.endpoint_added',
  'notice.endpoint_removed',
  'notice.dead',
  'mandate.requested',
  'mandate.signed',
  'mandate.declined',
  'mandate.revoked',
  'schedule.created',
  'schedule.changed',
  'occurrence.skipped',
  'occurrence.refused',
  'policy.loaded',
  'policy.activated',
  'policy.rolled_back',
  'policy.failed',
  'policy.shadow_started',
  'policy.shadow_ended',
  'policy.shadow_differs',
  'chain.unavailable',
  'chain.recovered',
  'chain.reorged',
  'chain.agreed',
  'chain.reread',
  'chain.resumed',
  'ledger.checked',
  'log.head_signed',
  'log.anchored',
  'log.anchor_failed',
  'alert.raised',
  'server.started',
  'server.restored',
  'transactions.requeued',
  'rows.sealed',
] as const;
export type EventType = (typeof eventTypes)[number];

/** Every event about money names agent, workflow, sponsor and policy digest; every administrator's action names the actor. */
export type EventFields = {
  type: EventType;
  /** The actor: a credential id, an approver's or person's id, or `bursar` for the server's own work. */
  actor: string;
  paymentId?: string | null;
  agentId?: string | null;
  sponsorId?: string | null;
  workflowId?: string | null;
  policyDigest?: string | null;
  data?: Record<string, unknown>;
};

export const GENESIS_HASH = '0'.repeat(64);

/** The end of the hash chain. */
export type EventHead = { seq: bigint; hash: string };
export const GENESIS: EventHead = { seq: 0n, hash: GENESIS_HASH };

/** An event as a row: hash = sha-256(previous hash + body). */
export type EventRow = {
  seq: bigint;
  at: number;
  type: EventType;
  payment: string | null;
  agent: string | null;
  body: string;
  hash: string;
};

/** Builds the event that follows a head. `atMs` is the server's time of the request, never the caller's. */
export function eventAfter(head: EventHead, fields: EventFields, atMs: number): EventRow {
  const seq = head.seq + 1n;
  const body = eventBody(seq, fields, atMs);
  const { type, paymentId: payment = null, agentId: agent = null } = fields;
  return { seq, at: atMs, type, payment, agent, body, hash: chainHash(head.hash, body) };
}

export function chainHash(previousHash: string, body: string): string {
  return sha256(previousHash + body);
}

function eventBody(seq: bigint, fields: EventFields, atMs: number): string {
  return JSON.stringify({
    seq: Number(seq),
    at: new Date(atMs).toISOString(),
    type: fields.type,
    actor: fields.actor,
    payment: fields.paymentId ?? null,
    agent: fields.agentId ?? null,
    sponsor: fields.sponsorId ?? null,
    workflow: fields.workflowId ?? null,
    policy_digest: fields.policyDigest ?? null,
    data: fields.data ?? {},
  });
}
