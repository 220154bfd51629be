import { type Command, Option } from 'commander';
import { EXIT, type ExitCode } from '../exit.ts';
import { readJsonFile } from '../jsonFile.ts';
import { columns, type Document, type Field, group, operationCommand } from '../operationCommand.ts';
import { afterwards, isRefusal, showPayment } from '../payment.ts';
import { paintState } from '../screen.ts';
import type { Session } from '../session.ts';
import { at, text } from '../values.ts';

const paymentFields: readonly Field[] = [
  ['id'],
  ['state'],
  ['kind'],
  ['amount', 'amount', 'right'],
  ['agent'],
  ['payee'],
  ['reasons.0.code', 'reason'],
  ['created_at', 'created'],
];
const list = { of: 'payments', fields: paymentFields };
const WAIT = new Option('--wait', 'Wait until the payment has settled or has ended without settling');

async function showAsked(session: Session, answer: Document, options: Document): Promise<ExitCode> {
  const last = options.wait === true ? { ...answer, ...(await afterwards(session.client(), answer)) } : answer;
  session.screen.document(last);
  showPayment(session.screen, last);
  return isRefusal(last) ? EXIT.refused : EXIT.ok;
}

export function moneyCommands(): Command[] {
  return [
    operationCommand({
      name: 'pay',
      operation: 'pay',
      omit: ['again'],
      options: [WAIT],
      examples: [
        'bursar pay --agent researcher --payee Grace --amount 12.50 --memo "proof-reading"',
        'bursar pay --agent researcher --payee Grace --amount 12.50 --idempotency-key invoice-1042 --wait',
        'BURSAR_API_KEY=bursar_ag_... bursar pay --payee Grace --amount 12.50 --json',
      ],
      show: showAsked,
    }),
    batchCommand(),
    operationCommand({
      name: 'check',
      operation: 'check_payment',
      examples: ['bursar check --agent researcher --payee Grace --amount 75.00'],
      show: ({ screen }, answer) => {
        screen.document(answer);
        screen.line(paintState(screen, String(answer.effect)));
        screen.details({ ...answer, effect: answer.effect });
        return answer.effect === 'deny' ? EXIT.refused : EXIT.ok;
      },
    }),
    operationCommand({
      name: 'payments',
      operation: 'list_payments',
      list,
      examples: [
        'bursar payments',
        'bursar payments --state in_review',
        'bursar payments --batch bat_01k3x7gq5nf8b9c2v4m6t0w1yz --json',
      ],
    }),
    operationCommand({
      name: 'payment',
      operation: 'get_payment',
      positional: [['payment', 'id']],
      examples: ['bursar payment pay_01k3x7gq5nf8b9c2v4m6t0w1yz'],
      show: ({ screen }, answer) => {
        screen.document(answer);
        showPayment(screen, answer);
        return EXIT.ok;
      },
    }),
    operationCommand({
      name: 'cancel',
      operation: 'cancel_payment',
      positional: [['payment', 'id']],
      examples: ['bursar cancel pay_01k3x7gq5nf8b9c2v4m6t0w1yz'],
      show: ({ screen }, answer) => {
        screen.document(answer);
        showPayment(screen, answer);
        return EXIT.ok;
      },
    }),
    refundCommand(),
    operationCommand({
      name: 'fetch',
      operation: 'fetch_paid',
      positional: [['url', 'url']],
      examples: [
        'bursar fetch https://ocr.example/ocr --agent researcher --method POST --body \'{"page": "scan-42.png"}\' --max-amount 0.50',
      ],
      show: ({ screen }, answer) => {
        screen.document(answer);
        screen.details(answer);
        return isRefusal((answer.payment as Document | null) ?? {}) ? EXIT.refused : EXIT.ok;
      },
    }),
    x402Commands(),
  ];
}

function batchCommand(): Command {
  return operationCommand({
    name: 'batch',
    operation: 'pay_batch',
    positional: [['file', 'payments']],
    options: [WAIT],
    examples: [
      'bursar batch payouts.json --agent researcher --wait',
      `echo '[{"payee": "Grace", "amount": {"value": "0.05", "currency": "USDC"}}]' | bursar batch - --agent researcher`,
    ],
    prepare: (_session, input) => ({ ...input, payments: readPayments(String(input.payments)) }),
    show: async (session, answer, options) => {
      const payments = answer.payments as Document[];
      const client = session.client();
      const last =
        options.wait === true ? await Promise.all(payments.map((each) => afterwards(client, each))) : payments;
      session.screen.document({ ...answer, payments: last });
      session.screen.line(`batch ${text(answer.batch)}`);
      session.screen.table(columns(session.screen, paymentFields), last);
      return last.some(isRefusal) ? EXIT.refused : EXIT.ok;
    },
  });
}

/** Reads a JSON list of payments in the form of the operation, or a document with `payments`; `-` is stdin. */
function readPayments(path: string): unknown {
  const document = readJsonFile(path);
  return Array.isArray(document) ? document : at(document, 'payments');
}

function refundCommand(): Command {
  return operationCommand({
    name: 'refund',
    operation: 'refund',
    positional: [['payment or receivable', 'of']],
    options: [WAIT],
    examples: [
      'bursar refund pay_01k3x7gq5nf8b9c2v4m6t0w1yz',
      'bursar refund rcv_01k3x7gq5nf8b9c2v4m6t0w1yz --amount 0.10 --memo "one page was blank"',
    ],
    show: showAsked,
  });
}

function x402Commands(): Command {
  return group('x402', 'Pay an x402 seller in separate steps; the SDK and the MCP tool do it in one call.', [
    operationCommand({
      name: 'pay',
      operation: 'pay_x402',
      positional: [['url', 'url']],
      examples: [
        'bursar x402 pay https://ocr.example/ocr --method POST --payment-required eyJ4NDAyVmVyc2lvbiI6Mn0= --max-amount 0.50',
      ],
      show: ({ screen }, answer) => {
        screen.document(answer);
        showPayment(screen, answer);
        if (answer.payment_signature) screen.line(`PAYMENT-SIGNATURE: ${text(answer.payment_signature)}`);
        return isRefusal(answer) ? EXIT.refused : EXIT.ok;
      },
    }),
    operationCommand({
      name: 'report',
      operation: 'report_x402',
      positional: [['payment', 'id']],
      examples: ['bursar x402 report pay_01k3x7gq5nf8b9c2v4m6t0w1yz --status 200'],
    }),
  ]);
}
