import type { Command } from 'commander';
import { type Field, group, operationCommand } from '../operationCommand.ts';

const invoiceFields: readonly Field[] = [
  ['id'],
  ['state'],
  ['agent_name', 'agent'],
  ['amount', 'amount', 'right'],
  ['received', 'received', 'right'],
  ['due', 'due', 'right'],
  ['memo'],
  ['path', 'link'],
  ['expires_at', 'expires'],
];
const receivableFields: readonly Field[] = [
  ['id'],
  ['kind'],
  ['state'],
  ['amount', 'amount', 'right'],
  ['agent'],
  ['payer'],
  ['payment'],
  ['invoice'],
  ['received_at', 'received'],
];
const requestFields: readonly Field[] = [
  ['id'],
  ['state'],
  ['amount', 'amount', 'right'],
  ['payment'],
  ['buyer'],
  ['earner'],
  ['reason'],
];
const INVOICE = 'inv_01k3x7gq5nf8b9c2v4m6t0w1yz';

/** Commands for agents' earnings. */
export function revenueCommands(): Command[] {
  const invoice = { positional: [['invoice', 'id']] } as const;
  return [
    group('invoice', 'Payment links: ask for money, see what has come.', [
      operationCommand({
        name: 'create',
        operation: 'create_invoice',
        examples: ['bursar invoice create --agent ocr-vendor --amount 20 --memo "80 pages"'],
      }),
      operationCommand({
        name: 'list',
        operation: 'list_invoices',
        list: { of: 'invoices', fields: invoiceFields },
        examples: ['bursar invoice list'],
      }),
      operationCommand({
        name: 'show',
        operation: 'get_invoice',
        ...invoice,
        examples: [`bursar invoice show ${INVOICE}`],
      }),
      operationCommand({
        name: 'cancel',
        operation: 'cancel_invoice',
        ...invoice,
        examples: [`bursar invoice cancel ${INVOICE}`],
      }),
      operationCommand({
        name: 'claim',
        operation: 'claim_invoice_payment',
        ...invoice,
        examples: [`bursar invoice claim ${INVOICE} --tx-hash 0x4f6b…`],
      }),
    ]),
    group('receivable', 'What agents received, transfer by transfer.', [
      operationCommand({
        name: 'list',
        operation: 'list_receivables',
        list: { of: 'receivables', fields: receivableFields },
        examples: ['bursar receivable list --agent ocr-vendor'],
      }),
      operationCommand({
        name: 'show',
        operation: 'get_receivable',
        positional: [['receivable', 'id']],
        examples: ['bursar receivable show rcv_01k3x7gq5nf8b9c2v4m6t0w1yz'],
      }),
    ]),
    group('refund-request', 'Ask an earner for money back, or answer.', [
      operationCommand({
        name: 'create',
        operation: 'request_refund',
        positional: [['payment', 'payment']],
        examples: ['bursar refund-request create pay_01k3x7gq5nf8b9c2v4m6t0w1yz --reason "the page was blank"'],
      }),
      operationCommand({
        name: 'list',
        operation: 'list_refund_requests',
        list: { of: 'refund_requests', fields: requestFields },
        examples: ['bursar refund-request list'],
      }),
      ...(
        [
          ['accept', true, 'Give the money back; the refund goes through the gate.'],
          ['decline', false, 'Keep it, and say why.'],
        ] as const
      ).map(([name, accept, summary]) =>
        operationCommand({
          name,
          operation: 'answer_refund_request',
          summary,
          positional: [['request', 'id']],
          fixed: { accept },
          examples: [`bursar refund-request ${name} rfq_01k3x7gq5nf8b9c2v4m6t0w1yz --answer "sorry"`],
        }),
      ),
    ]),
  ];
}
