import { z } from 'zod';
import { dueOf, type Invoice, invoiceState, invoiceStates, isExpired } from '../../../books/receivables/invoices.ts';
import { listReceivables } from '../../../books/receivables/readReceivables.ts';
import { receivableStates } from '../../../books/receivables/receivable.ts';
import { AmountView, amountView, iso, isoOrNull } from '../../../core/schemas/schemas.ts';
import { getAgent } from '../../../decide/identity/agents.ts';
import type { ChainFacts } from '../../../decide/payments/request.ts';
import type { ReadTx } from '../../../store/store.ts';

export const InvoiceView = z
  .object({
    id: z.string(),
    state: z.enum(invoiceStates),
    agent: z.string(),
    agent_name: z.string(),
    amount: AmountView.describe('For one use'),
    max_uses: z.int(),
    received: AmountView,
    due: AmountView.describe('The amount that completes the open use; 0.00 if nothing more is due'),
    excess: AmountView.describe('The amount received above all uses'),
    late: z.boolean().describe('Money arrived after it had expired'),
    memo: z.string(),
    address: z.string(),
    network: z.string(),
    path: z.string().describe('The payment link, on this server'),
    payment_uri: z.string().nullable().describe('EIP-681; null when nothing more is asked for'),
    expires_at: z.string().nullable(),
    created_at: z.string(),
    payments: z.array(
      z.object({
        receivable: z.string(),
        amount: AmountView,
        payer: z.string(),
        state: z.enum(receivableStates),
        tx_hash: z.string(),
        found_by: z.enum(['nonce', 'claim', 'amount']).nullable(),
        late: z.boolean(),
        received_at: z.string(),
      }),
    ),
  })
  .meta({ id: 'Invoice' });
export type InvoiceView = z.input<typeof InvoiceView>;

const SHOWN = 200;

export async function invoiceView(tx: ReadTx, invoice: Invoice, chain: ChainFacts, atMs: number): Promise<InvoiceView> {
  const state = invoiceState(invoice, atMs);
  const asks = state === 'open' || state === 'part_paid';
  const due = asks ? dueOf(invoice) : 0n;
  const total = invoice.amount * BigInt(invoice.maxUses);
  const excess = invoice.receivedMicro > total ? invoice.receivedMicro - total : 0n;
  const payments = (await listReceivables(tx, { invoiceId: invoice.id, limit: SHOWN }))
    .filter((receivable) => receivable.state !== 'orphaned')
    .map((receivable) => ({
      receivable: receivable.id,
      amount: amountView(receivable.amountMicro),
      payer: receivable.payer,
      state: receivable.state,
      tx_hash: receivable.txHash,
      found_by: receivable.invoiceBy,
      late: isExpired(invoice, receivable.receivedAtMs),
      received_at: iso(receivable.receivedAtMs),
    }));
  return {
    id: invoice.id,
    state,
    agent: invoice.agentId,
    agent_name: (await getAgent(tx, invoice.agentId)).name,
    amount: amountView(invoice.amount),
    max_uses: invoice.maxUses,
    received: amountView(invoice.receivedMicro),
    due: amountView(due),
    excess: amountView(excess),
    late: payments.some((payment) => payment.late),
    memo: invoice.memo,
    address: invoice.address,
    network: chain.network,
    path: `/i/${invoice.id}`,
    payment_uri: asks ? paymentUri(chain, invoice.address, due) : null,
    expires_at: isoOrNull(invoice.expiresAtMs),
    created_at: iso(invoice.createdAtMs),
    payments,
  };
}

/** EIP-681: a call of the token's `transfer`. */
function paymentUri(chain: ChainFacts, to: string, amountMicro: bigint): string {
  return `ethereum:${chain.token}@${chain.chainId}/transfer?address=${to}&uint256=${amountMicro}`;
}
