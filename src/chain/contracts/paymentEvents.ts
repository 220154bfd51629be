import { appendEvent, type EventType } from '../../books/ledger/events.ts';
import type { Tx } from '../../store/store.ts';
import { paymentsCarried } from './queries.ts';

/** Appends one event per payment that the transaction carries, each naming agent, sponsor, workflow and policy digest. */
export async function withPayments(
  tx: Tx,
  transactionId: bigint,
  event: { type: EventType; data: Record<string, unknown> },
  atMs: number,
): Promise<void> {
  for (const payment of await tx.all(paymentsCarried, { transaction: transactionId })) {
    const fields = {
      ...event,
      actor: 'bursar',
      paymentId: payment.id,
      agentId: payment.agent_id,
      sponsorId: payment.sponsor_id,
      workflowId: payment.workflow_id,
      policyDigest: payment.policy_digest,
    };
    await appendEvent(tx, fields, atMs);
  }
}
