import { z } from 'zod';
import { Receipt, receiptOf, receiptsOfTransaction } from '../receipt/receipt.ts';
import { refuseForeign } from './act.ts';
import { operation } from './operation.ts';
import { visiblePayment } from './payments.ts';
import { Hex32, idOf } from './schemas.ts';

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
    handler: (app, caller, { id }) =>
      app.store.read((tx) => receiptOf(tx, visiblePayment(tx, caller, id).id, app.chainFacts)),
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
    handler: (app, caller, { tx: hash }) =>
      app.store.read((tx) => {
        const receipts = receiptsOfTransaction(tx, hash, app.chainFacts);
        for (const receipt of receipts) refuseForeign(caller, receipt.payment.agent);
        return { receipts };
      }),
  }),
];
