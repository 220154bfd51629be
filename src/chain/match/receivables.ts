import { raiseOnce } from '../../books/ledger/alerts.ts';
import { appendEvent } from '../../books/ledger/events.ts';
import { classifyPayment, type Inbound, type Inflow, inbound } from '../../books/receivables/classify.ts';
import { recordInflow } from '../../books/receivables/record.ts';
import { formatUsdc } from '../../core/money/microUsdc.ts';
import type { ReadTx, Tx } from '../../store/store.ts';
import type { Party } from './addressBook.ts';
import type { Explanation } from './explain.ts';
import type { LogPosition, TransferFact } from './facts.ts';

/** The meaning of a transfer for its receiver; null if it only moves between the agent's own addresses. */
export async function inboundOf(
  tx: ReadTx,
  explanation: Explanation,
  { from, to }: { from: Party | null; to: Party },
  inflow: Inflow,
): Promise<Inbound | null> {
  switch (explanation.kind) {
    case 'receivable':
      return explanation.receivable;
    case 'payment': {
      const { agentId, kind, rail } = explanation.payment;
      if (agentId === to.agentId) return null;
      const plain = rail === 'x402' ? 'x402_sale' : 'agent_payment';
      return classifyPayment(tx, inflow, kind === 'refund' ? 'refund' : plain);
    }
    case 'internal':
      return explanation.id === 'sweep' && from?.agentId === to.agentId ? null : inbound('unmatched');
    case 'unexplained':
      return inbound('unmatched');
    default:
      return explanation satisfies never;
  }
}

/** A transfer to an agent, and its meaning for that agent. */
export type Received = { transfer: TransferFact; to: Party; inflow: Inflow; what: Inbound };

/** Records what an agent received by one log. Unmatched money also raises an alert of the agent. */
export async function recordReceivable(
  tx: Tx,
  { transfer, to, inflow, what }: Received,
  context: { atMs: number; paymentId: string | null },
): Promise<string> {
  const { at } = transfer;
  const { kind } = what;
  const id = await recordInflow(tx, inflow, what, { log: at, ...context });
  const data = {
    receivable: id,
    kind,
    amount: formatUsdc(transfer.amount),
    from: transfer.from,
    place: to.place,
    ...(what.invoiceId ? { invoice: what.invoiceId, found_by: what.invoiceBy } : {}),
  };
  const { agentId, sponsorId } = to;
  await appendEvent(
    tx,
    {
      type: 'receivable.received',
      actor: 'bursar',
      paymentId: context.paymentId,
      agentId,
      sponsorId,
      data: { ...data, ...positionData(at) },
    },
    context.atMs,
  );
  if (kind === 'unmatched') {
    await raiseOnce(
      tx,
      { type: 'unmatched_inflow', agentId, sponsorId, data: { ...data, ...positionData(at) } },
      context.atMs,
    );
  }
  return id;
}

/** The position of a log, as events and alerts name it. */
export function positionData(at: LogPosition): Record<string, unknown> {
  return {
    tx_hash: at.txHash,
    log_index: at.logIndex,
    block: at.blockNumber.toString(),
    block_hash: at.blockHash,
  };
}
