import { existsSync, writeFileSync } from 'node:fs';
import { Command } from 'commander';
import { BursarError } from '../../errors/base.ts';
import type { Finding } from '../../receipt/finding.ts';
import type { Verification } from '../../receipt/verify.ts';
import { EXIT } from '../exit.ts';
import { readJsonFile } from '../jsonFile.ts';
import { type Document, examples, finish } from '../operationCommand.ts';
import { type Session, sessionOf } from '../session.ts';
import { visible } from '../table.ts';
import { at, text } from '../values.ts';

export function evidenceCommands(): Command[] {
  return [receiptCommand(), verifyCommand()];
}

function receiptCommand(): Command {
  const command = new Command('receipt')
    .description('The evidence of a settled payment: chain, transaction, policy, and the documents it was decided on.')
    .argument('<payment>')
    .option('-o, --out <file>', 'Write it here; without it, and with --json, it goes to stdout')
    .addHelpText(
      'after',
      examples([
        'bursar receipt pay_01k3x7gq5nf8b9c2v4m6t0w1yz --out receipt.json',
        'bursar verify receipt.json --rpc https://rpc.example',
      ]),
    )
    .action(async (id: string, { out }: { out?: string }) => {
      const session = sessionOf(command);
      const receipt = await session.client().call('get_receipt', { id });
      if (out === undefined) {
        session.screen.document(receipt);
        session.screen.line(JSON.stringify(receipt, null, 2));
        return;
      }
      writeFileSync(out, `${JSON.stringify(receipt, null, 2)}\n`);
      session.screen.document({ out, payment: id, tx_hash: at(receipt, 'settlement.tx_hash') });
      session.screen.line(`The receipt of ${id} is in ${out}. Check it anywhere: bursar verify ${out} --rpc <url>`);
    });
  return command;
}

function verifyCommand(): Command {
  const command = new Command('verify')
    .description(
      'Check a payment against the chain, trusting no server: run the policy in the receipt again on the recorded input, and compare what it says with what the chain carries.',
    )
    .argument('<transaction hash, payment or receipt file>')
    .option('--rpc <url>', 'An RPC of the chain; with it and a receipt file, neither server nor home is needed')
    .addHelpText(
      'after',
      examples([
        'bursar verify receipt.json --rpc https://rpc.example',
        'bursar verify pay_01k3x7gq5nf8b9c2v4m6t0w1yz',
        'bursar verify 0x4f6b…',
      ]),
    )
    .action(async (what: string, { rpc }: { rpc?: string }) => verify(sessionOf(command), what, rpc));
  return command;
}

async function verify(session: Session, what: string, rpc: string | undefined): Promise<void> {
  const { screen } = session;
  const receipts = await receiptsOf(session, what);
  const rpcUrl = session.rpcUrl(rpc);
  const verified: Verification[] = [];
  for (const receipt of receipts) verified.push(await verifyOne(receipt, rpcUrl));
  const ok = verified.every((each) => each.ok);
  screen.document({ ok, receipts: verified });
  for (const { payment, findings } of verified) {
    screen.line(screen.paint(visible(payment), 'bold'));
    for (const finding of findings) screen.line(lineOf(session, finding));
  }
  const failed = verified.flatMap((each) => each.findings).filter((finding) => !finding.ok).length;
  screen.line(
    ok ? screen.paint('verified', 'green') : `${screen.paint('NOT verified', 'red')}: ${failed} of the checks failed`,
  );
  finish(ok ? EXIT.ok : EXIT.refused);
}

function lineOf({ screen }: Session, { ok, check, detail }: Finding): string {
  return `  ${ok ? screen.paint('ok  ', 'green') : screen.paint('FAIL', 'red')}  ${visible(check)}: ${visible(detail)}`;
}

/** An RPC that is not there is an outage; a receipt that makes a node or a decoder stumble is a bad receipt. */
async function verifyOne(receipt: unknown, rpcUrl: string): Promise<Verification> {
  const { verifyReceipt } = await import('../../receipt/verify.ts');
  try {
    return await verifyReceipt(receipt, rpcUrl);
  } catch (error) {
    const name = error instanceof Error ? error.name : '';
    if (/HttpRequestError|TimeoutError|SocketClosed|SyntaxError/.test(name) || !(error instanceof Error)) {
      throw new BursarError('chain_unavailable', {
        message: `The RPC at ${new URL(rpcUrl).host} does not answer as one.`,
        cause: error,
      });
    }
    const detail = error.message.split('\n')[0] ?? 'cannot be checked';
    const payment = text(at(receipt, 'payment.id'));
    return { ok: false, payment, findings: [{ check: 'chain', ok: false, detail }] };
  }
}

async function receiptsOf(session: Session, what: string): Promise<unknown[]> {
  if (existsSync(what)) return readReceipts(what);
  if (/^pay_/.test(what)) return [await session.client().call('get_receipt', { id: what })];
  if (!/^0x[0-9a-fA-F]{64}$/.test(what)) {
    throw new BursarError('invalid_request', {
      message: `"${what}" is no file here, no payment id and no transaction hash.`,
    });
  }
  const { receipts } = await session.client().call('list_receipts', { tx: what.toLowerCase() });
  if (!Array.isArray(receipts) || receipts.length === 0) {
    throw new BursarError('payment_not_found', { message: `The server knows no payment that ${what} settled.` });
  }
  return receipts;
}

/** One receipt, a list of them, or `list_receipts`' answer. */
function readReceipts(path: string): unknown[] {
  const document = readJsonFile(path);
  const list = Array.isArray(document) ? document : ((document as Document | null)?.receipts ?? [document]);
  if (!Array.isArray(list) || list.length === 0)
    throw new BursarError('invalid_request', { message: `${path} holds no receipt.` });
  return list;
}
