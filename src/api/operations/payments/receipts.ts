import { z } from 'zod';
import { decisionEvents, withInclusion } from '../../../chain/receipt/inclusion.ts';
import { Receipt, receiptOf, receiptsOfTransaction } from '../../../chain/receipt/receipt.ts';
import { mapInOrder } from '../../../core/inOrder.ts';
import { Hex32, idOf } from '../../../core/schemas/schemas.ts';
import { refuseForeign } from '../act.ts';
import { operation } from '../operation.ts';
import { visiblePayment } from './payments.ts';

export const receiptOperations = [
  operation({
    name: 'get_receipt',
    summary:
      'The evidence of a settled payment, with the policy and the documents it was decided on; check it with `bursar verify`.',
    method: 'GET',
    path: '/v1/payments/{id}/receipt',
    scope: 'read',
    cost: 'medium',
    input: z.strictObject({ id: idOf('payment') }),
    output: Receipt,
    errors: ['payment_not_found', 'invalid_transition'],
    handler: async (app, caller, { id }) => {
      const { receipt, events } = await app.store.read(async (tx) => {
        const made = await receiptOf(tx, (await visiblePayment(tx, caller, id)).id, app.chainFacts);
        return { receipt: made, events: await decisionEvents(tx, made) };
      });
      return withInclusion(receipt, events, app.eventLog);
    },
  }),
  operation({
    name: 'list_receipts',
    summary: 'The receipts of all payments that one transaction settled.',
    method: 'GET',
    path: '/v1/receipts',
    scope: 'read',
    cost: 'medium',
    input: z.strictObject({ tx: Hex32 }),
    output: z.object({ receipts: z.array(Receipt) }),
    errors: [],
    handler: async (app, caller, { tx: hash }) => {
      const made = await app.store.read(async (tx) => {
        const all = await receiptsOfTransaction(tx, hash, app.chainFacts);
        for (const receipt of all) refuseForeign(caller, receipt.payment.agent);
        return mapInOrder(all, async (receipt) => ({ receipt, events: await decisionEvents(tx, receipt) }));
      });
      const receipts: Receipt[] = [];
      for (const { receipt, events } of made) receipts.push(await withInclusion(receipt, events, app.eventLog));
      return { receipts };
    },
  }),
];
