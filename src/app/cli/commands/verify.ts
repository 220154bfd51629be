import { existsSync } from 'node:fs';
import { Command, Option } from 'commander';
import type { Address, Hex } from 'viem';
import { ProblemError } from '../../../api/client/client.ts';
import type { Trusted } from '../../../chain/receipt/organisation.ts';
import type { Verification } from '../../../chain/receipt/verify.ts';
import { BursarError } from '../../../core/errors/base.ts';
import { readConfig } from '../../server/config.ts';
import { addressOption } from '../addressFlag.ts';
import { lineOf, throwOutage } from '../evidenceLines.ts';
import { EXIT } from '../exit.ts';
import { readJsonFile } from '../jsonFile.ts';
import { type Document, examples, finish } from '../operationCommand.ts';
import { type Session, sessionOf } from '../session.ts';
import { visible } from '../table.ts';
import { at, text } from '../values.ts';
import { verifyTransaction } from './verifyTransaction.ts';

type Flags = { rpc?: string; organisation?: Address; factory?: Address; registryOwner?: Address; chainId?: number };

export function verifyCommand(): Command {
  const command = new Command('verify')
    .description(
      'Check a payment against the chain, trusting no server: run the policy in the receipt again on the recorded input, and compare what it says with what the chain carries. Of a transaction without a receipt, show what the chain alone says.',
    )
    .argument('<transaction hash, payment or receipt file>')
    .option(
      '--rpc <url>',
      'An RPC of the chain; with it and a receipt file, neither server nor data directory is needed',
    )
    .addOption(addressOption('--organisation <address>', "The owner of the organisation's factory, as it tells you"))
    .addOption(addressOption('--factory <address>', "The organisation's factory, as it tells you"))
    .addOption(addressOption('--registry-owner <address>', 'Who owned the policy registry then, where it was another'))
    .addOption(new Option('--chain-id <number>', 'Refuse a node of another chain').argParser(chainIdOf))
    .addHelpText(
      'after',
      examples([
        'bursar verify receipt.json --rpc https://rpc.example --organisation 0x5FbD…',
        'bursar verify pay_01k3x7gq5nf8b9c2v4m6t0w1yz',
        'bursar verify 0x4f6b… --rpc https://rpc.example',
      ]),
    )
    .action(async (what: string, flags: Flags) => {
      const session = sessionOf(command);
      const trusted = trustedOf(session, flags);
      const receipts = await receiptsOf(session, what);
      const rpcUrl = session.rpcUrl(flags.rpc);
      const [first] = receipts ?? [];
      if (at(first, 'format') === 'bursar-inclusion/1') {
        await verifyProof(session, first, rpcUrl, trusted);
        return;
      }
      if (receipts === null) {
        await verifyTransaction(session, { hash: what.toLowerCase() as Hex, rpcUrl, trusted, chainId: flags.chainId });
        return;
      }
      await verify(session, receipts, rpcUrl, trusted);
    });
  return command;
}

function chainIdOf(given: string): number {
  if (/^[1-9][0-9]{0,15}$/.test(given)) return Number(given);
  throw new BursarError('invalid_request', { message: `"${given}" is no chain id.` });
}

/** The flags, else the factory of the data directory's configuration. */
function trustedOf(session: Session, { organisation, factory, registryOwner }: Flags): Trusted {
  const named = { ...(organisation && { organisation }), ...(factory && { factory }) };
  const configured = Object.keys(named).length === 0 ? readConfig(session.dataDir)?.chain.factory : undefined;
  return { ...named, ...(configured && { factory: configured }), ...(registryOwner && { registryOwner }) };
}

async function verify(session: Session, receipts: unknown[], rpcUrl: string, trusted: Trusted): Promise<void> {
  const { screen } = session;
  const verified: Verification[] = [];
  for (const receipt of receipts) verified.push(await verifyOne(receipt, rpcUrl, trusted));
  const ok = verified.every((each) => each.ok);
  screen.document({ ok, receipts: verified });
  for (const { payment, findings } of verified) {
    screen.line(screen.paint(visible(payment), 'bold'));
    for (const finding of findings) screen.line(lineOf(session, finding));
  }
  const assumed = [...new Set(verified.flatMap((each) => each.assumed))];
  if (ok && assumed.length > 0) {
    screen.line('Proven: this policy, on this input, says allow, and the chain carries its hash. Taken for granted:');
    for (const each of assumed) screen.line(`  - ${visible(each)}`);
  }
  const failed = verified.flatMap((each) => each.findings).filter((finding) => !finding.ok).length;
  screen.line(
    ok ? screen.paint('verified', 'green') : `${screen.paint('NOT verified', 'red')}: ${failed} of the checks failed`,
  );
  finish(ok ? EXIT.ok : EXIT.refused);
}

/** A proof that events are in the log, checked against the registry of the named organisation. */
async function verifyProof(session: Session, proof: unknown, rpcUrl: string, trusted: Trusted): Promise<void> {
  const { verifyLogProof } = await import('../../../chain/receipt/inclusion.ts');
  const { ok, findings } = await verifyLogProof(proof, rpcUrl, trusted).catch((error: unknown) => {
    throwOutage(error, rpcUrl);
    throw error;
  });
  session.screen.document({ ok, findings });
  for (const finding of findings) session.screen.line(lineOf(session, finding));
  session.screen.line(ok ? session.screen.paint('verified', 'green') : session.screen.paint('NOT verified', 'red'));
  finish(ok ? EXIT.ok : EXIT.refused);
}

/** An unreachable RPC is an outage; a receipt that breaks a node or a decoder is a bad receipt. */
async function verifyOne(receipt: unknown, rpcUrl: string, trusted: Trusted): Promise<Verification> {
  const { verifyReceipt } = await import('../../../chain/receipt/verify.ts');
  try {
    return await verifyReceipt(receipt, rpcUrl, trusted);
  } catch (error) {
    throwOutage(error, rpcUrl);
    const detail = (error as Error).message.split('\n')[0] ?? 'cannot be checked';
    const payment = text(at(receipt, 'payment.id'));
    return { ok: false, payment, findings: [{ check: 'chain', ok: false, detail }], assumed: [] };
  }
}

/** Null for a transaction without a receipt on the server: then only the chain is read. */
async function receiptsOf(session: Session, what: string): Promise<unknown[] | null> {
  if (existsSync(what)) return readReceipts(what);
  if (/^pay_/.test(what)) return [await session.client().call('get_receipt', { id: what })];
  if (!/^0x[0-9a-fA-F]{64}$/.test(what)) {
    throw new BursarError('invalid_request', {
      message: `"${what}" is no file here, no payment id and no transaction hash.`,
    });
  }
  try {
    const { receipts } = await session.client().call('list_receipts', { tx: what.toLowerCase() });
    return Array.isArray(receipts) && receipts.length > 0 ? receipts : null;
  } catch (error) {
    // Without a key or a server, or with a key that the server refuses, only the chain is read.
    if (error instanceof BursarError || error instanceof ProblemError || error instanceof TypeError) return null;
    throw error;
  }
}

/** One receipt, a list of them, or the answer of `list_receipts`. */
function readReceipts(path: string): unknown[] {
  const document = readJsonFile(path);
  const list = Array.isArray(document) ? document : ((document as Document | null)?.receipts ?? [document]);
  if (!Array.isArray(list) || list.length === 0)
    throw new BursarError('invalid_request', { message: `${path} holds no receipt.` });
  return list;
}
