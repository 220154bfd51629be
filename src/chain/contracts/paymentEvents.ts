import { appendEvent, type EventType } from '../../books/ledger/events.ts';
import type { ReadTx, Tx } from '../../store/store.ts';

type Named = {
  id: string;
  agent_id: string;
  sponsor_id: string;
  workflow_id: string | null;
  policy_digest: string;
};

/** Appends one event per payment that the transaction carries, each naming agent, sponsor, workflow and policy digest. */
export function withPayments(
  tx: Tx,
  transactionId: bigint,
  type: EventType,
  data: Record<string, unknown>,
  atMs: number,
): void {
  for (const payment of paymentsOf(tx, transactionId)) {
    const fields = {
      type,
      actor: 'bursar',
      paymentId: payment.id,
      agentId: payment.agent_id,
      sponsorId: payment.sponsor_id,
      workflowId: payment.workflow_id,
      policyDigest: payment.policy_digest,
      data,
    };
    appendEvent(tx, fields, atMs);
  }
}

function paymentsOf(tx: ReadTx, transactionId: bigint): Named[] {
  return tx.all<Named>(
    `SELECT p.id, p.agent_id, p.sponsor_id, p.workflow_id, p.policy_digest
     FROM transaction_payments t JOIN payments p ON p.id = t.payment_id WHERE t.transaction_id = ? ORDER BY p.id`,
    transactionId,
  );
}
