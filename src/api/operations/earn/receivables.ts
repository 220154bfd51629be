import { z } from 'zod';
import { findReceivable, listReceivables } from '../../../books/receivables/readReceivables.ts';
import { type Receivable, receivableKinds, receivableStates } from '../../../books/receivables/receivable.ts';
import { isEarned } from '../../../books/receivables/record.ts';
import { findExpectedSale } from '../../../books/receivables/sales.ts';
import { BursarError } from '../../../core/errors/base.ts';
import { mapInOrder } from '../../../core/inOrder.ts';
import { AmountView, amountView, idOf, iso, isoOrNull, Limit } from '../../../core/schemas/schemas.ts';
import type { Caller } from '../../../decide/identity/caller.ts';
import { refundableOf, refundedOf } from '../../../decide/payments/refunds.ts';
import { retryLegs } from '../../../earn/revenue/router.ts';
import type { ReadTx } from '../../../store/store.ts';
import { refuseForeign, visibleAgent } from '../act.ts';
import { operation } from '../operation.ts';
import { gateRules } from '../payments/paymentRequest.ts';
import { agentOfAddress, passedOnOf } from './queries.ts';

const Passed = z
  .object({ payment: z.string(), amount: AmountView, state: z.string(), address: z.string() })
  .meta({ id: 'PassedPayment' });
export const ReceivableView = z
  .object({
    id: z.string(),
    agent: z.string(),
    kind: z.enum(receivableKinds),
    state: z
      .enum(receivableStates)
      .describe('included: in a block; final: no reorg can take it away; orphaned: one has'),
    amount: AmountView,
    payer: z.object({ address: z.string(), agent: z.string().nullable() }),
    payment: z.string().nullable().describe('The payment that it was, where an agent of this Bursar paid'),
    invoice: z.string().nullable(),
    invoice_found_by: z.enum(['nonce', 'claim', 'amount']).nullable(),
    sale: z.object({ resource: z.string(), nonce: z.string() }).nullable(),
    refunded: AmountView,
    refundable: AmountView,
    refunds: z.array(Passed),
    splits: z.array(Passed),
    routed_at: z.string().nullable().describe('When its revenue rule was applied'),
    settlement: z.object({ tx_hash: z.string(), log_index: z.int(), block_number: z.string() }),
    received_at: z.string(),
  })
  .meta({ id: 'Receivable' });

export async function receivableView(tx: ReadTx, receivable: Receivable): Promise<z.input<typeof ReceivableView>> {
  const sale =
    receivable.saleNonce === null
      ? undefined
      : await findExpectedSale(tx, receivable.chainId, receivable.payer, receivable.saleNonce);
  const payer = await tx.get(agentOfAddress, { chain: receivable.chainId, address: receivable.payer });
  const refundable =
    isEarned(receivable.kind) && receivable.state === 'final' ? await refundableOf(tx, receivable) : 0n;
  return {
    id: receivable.id,
    agent: receivable.agentId,
    kind: receivable.kind,
    state: receivable.state,
    amount: amountView(receivable.amountMicro),
    payer: { address: receivable.payer, agent: payer?.agent_id ?? null },
    payment: receivable.paymentId,
    invoice: receivable.invoiceId,
    invoice_found_by: receivable.invoiceBy,
    sale: sale && receivable.saleNonce ? { resource: sale.resource, nonce: receivable.saleNonce } : null,
    refunded: amountView(await refundedOf(tx, receivable.id)),
    refundable: amountView(refundable),
    refunds: await passedOn(tx, receivable.id, 'refund'),
    splits: await passedOn(tx, receivable.id, 'split'),
    routed_at: isoOrNull(receivable.routedAtMs),
    settlement: {
      tx_hash: receivable.txHash,
      log_index: receivable.logIndex,
      block_number: receivable.blockNumber.toString(),
    },
    received_at: iso(receivable.receivedAtMs),
  };
}

async function passedOn(tx: ReadTx, id: string, kind: 'refund' | 'split'): Promise<z.input<typeof Passed>[]> {
  return (await tx.all(passedOnOf, { receivable: id, kind })).map((row) => ({
    payment: row.id,
    amount: amountView(row.amount_micro),
    state: row.state,
    address: row.address,
  }));
}

/** Throws `receivable_not_found`; the same for another agent's. */
async function visibleReceivable(tx: ReadTx, caller: Caller, id: string): Promise<Receivable> {
  const receivable = await findReceivable(tx, id);
  if (!receivable) throw new BursarError('receivable_not_found', { details: { receivable: id } });
  refuseForeign(caller, receivable.agentId);
  return receivable;
}

export const receivableOperations = [
  operation({
    name: 'retry_splits',
    summary: 'Ask the gate again for the legs of a revenue rule that were refused or failed; each leg is paid once.',
    method: 'POST',
    path: '/v1/receivables/{id}/splits/retry',
    scope: 'admin',
    cost: 'medium',
    input: z.strictObject({ id: idOf('receivable') }),
    output: ReceivableView,
    errors: ['receivable_not_found', 'policy_unavailable'],
    handler: async (app, caller, { id }) => {
      const view = await app.store.write(async (tx) => {
        const receivable = await visibleReceivable(tx, caller, id);
        await retryLegs(tx, receivable.id, await gateRules(tx, app, caller));
        return receivableView(tx, receivable);
      });
      app.wake();
      return view;
    },
  }),
  operation({
    name: 'get_receivable',
    summary: 'Read what an agent received by one transfer: what it was for, its refunds and its splits.',
    method: 'GET',
    path: '/v1/receivables/{id}',
    scope: 'read',
    cost: 'light',
    input: z.strictObject({ id: idOf('receivable') }),
    output: ReceivableView,
    errors: ['receivable_not_found'],
    handler: (app, caller, { id }) =>
      app.store.read(async (tx) => receivableView(tx, await visibleReceivable(tx, caller, id))),
  }),
  operation({
    name: 'list_receivables',
    summary: 'List what agents received, newest first. `cursor` is the last id of the page before.',
    method: 'GET',
    path: '/v1/receivables',
    scope: 'read',
    cost: 'medium',
    input: z.strictObject({
      agent: idOf('agent').optional(),
      kind: z.enum(receivableKinds).optional(),
      state: z.enum(receivableStates).optional(),
      invoice: idOf('invoice').optional(),
      cursor: idOf('receivable').optional(),
      limit: Limit,
    }),
    output: z.object({ receivables: z.array(ReceivableView), next_cursor: z.string().nullable() }),
    errors: [],
    handler: (app, caller, input) =>
      app.store.read(async (tx) => {
        const found = await listReceivables(tx, {
          agentId: visibleAgent(caller, input.agent),
          kind: input.kind,
          state: input.state,
          invoiceId: input.invoice,
          before: input.cursor,
          limit: input.limit,
        });
        return {
          receivables: await mapInOrder(found, (receivable) => receivableView(tx, receivable)),
          next_cursor: found.length === input.limit ? (found.at(-1)?.id ?? null) : null,
        };
      }),
  }),
];
