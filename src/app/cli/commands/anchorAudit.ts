import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';
import { Command } from 'commander';
import { type Address, createPublicClient, getAddress, http, isAddress } from 'viem';
import { BursarError } from '../../../core/errors/base.ts';
import { EXIT } from '../exit.ts';
import { type Document, examples, finish } from '../operationCommand.ts';
import { type Session, sessionOf } from '../session.ts';
import { visible } from '../table.ts';

type Finding = { check: string; ok: boolean; detail: string };
type Flags = { rpc?: string; registry?: string; registryOwner?: string; logKey?: string; fromBlock?: string };

/** Writes the whole log, one event per line. */
export function exportCommand(): Command {
  const command = new Command('export')
    .description('Write every event as it is hashed into the tree, one a line, for `bursar anchor verify` elsewhere.')
    .argument('<file>', 'A new file')
    .addHelpText('after', examples(['bursar anchor export log.jsonl']))
    .action(async (path: string) => {
      const session = sessionOf(command);
      const client = session.client();
      const file = openSync(path, 'wx', 0o600);
      let written = 0;
      try {
        for (;;) {
          const { entries } = (await client.call('export_log', { after: written })) as { entries: string[] };
          for (const entry of entries) writeSync(file, `${entry}\n`);
          written += entries.length;
          if (entries.length === 0) break;
        }
      } finally {
        closeSync(file);
      }
      session.screen.document({ file: path, events: written });
      session.screen.line(`${written} events in ${path}.`);
    });
  return command;
}

/** Needs neither server nor data directory. */
export function auditCommand(): Command {
  const command = new Command('verify')
    .description(
      'Check a proof of `anchor prove`, or a whole log of `anchor export`, against the anchors in the registry: with a node alone.',
    )
    .argument('<file>')
    .option('--rpc <url>', 'An RPC of the chain')
    .option('--registry <address>', "The organisation's PolicyRegistry, as it tells you; a whole log needs it")
    .option('--registry-owner <address>', 'Whom the registry must belong to now, where it changed hands')
    .option('--log-key <key>', "The log's verifier key, as it tells you")
    .option('--from-block <number>', 'Where to read the registry from, for nodes that take small ranges only')
    .addHelpText(
      'after',
      examples([
        'bursar anchor verify proof.json --rpc https://rpc.example --registry 0x5FbD…',
        'bursar anchor verify log.jsonl --rpc https://rpc.example --registry 0x5FbD…',
      ]),
    )
    .action(async (path: string, flags: Flags) => {
      const session = sessionOf(command);
      const text = read(path);
      const findings = isProof(text)
        ? await proofFindings(session, JSON.parse(text), flags)
        : await logFindings(session, text, flags);
      show(session, findings);
    });
  return command;
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new BursarError('invalid_request', { message: `${path} cannot be read.`, cause });
  }
}

function isProof(text: string): boolean {
  try {
    return 'format' in (JSON.parse(text) as Document);
  } catch {
    return false;
  }
}

async function proofFindings(session: Session, document: unknown, flags: Flags): Promise<Finding[]> {
  const { verifyInclusion } = await import('../../../chain/anchors/verifyInclusion.ts');
  const rpcUrl = session.rpcUrl(flags.rpc);
  const client = createPublicClient({ transport: http(rpcUrl, { retryCount: 0 }) });
  const registry = flags.registry === undefined ? null : addressOf('--registry', flags.registry);
  const question = { client, registry, ...(flags.logKey === undefined ? {} : { verifierKey: flags.logKey }) };
  const { findings } = await verifyInclusion(document, question).catch((cause: unknown) => {
    const host = new URL(rpcUrl).host;
    throw new BursarError('chain_unavailable', { message: `The RPC at ${host} does not answer as one.`, cause });
  });
  return findings;
}

async function logFindings(session: Session, text: string, flags: Flags): Promise<Finding[]> {
  if (flags.registry === undefined) {
    throw new BursarError('invalid_request', {
      message: 'A whole log is held against a registry: name it by --registry.',
    });
  }
  const registry = addressOf('--registry', flags.registry);
  const rpcUrl = session.rpcUrl(flags.rpc);
  const [{ verifyLog }, { openChain }] = await Promise.all([
    import('../../../chain/anchors/verifyLog.ts'),
    import('../../../chain/node/chain.ts'),
  ]);
  const chainId = await createPublicClient({ transport: http(rpcUrl, { retryCount: 0 }) })
    .getChainId()
    .catch((cause: unknown) => {
      const host = new URL(rpcUrl).host;
      throw new BursarError('chain_unavailable', { message: `The RPC at ${host} does not answer as one.`, cause });
    });
  const bodies = text.split('\n');
  // The file ends with a newline; otherwise its last line was cut.
  if (bodies.at(-1) === '') bodies.pop();
  const checks = await verifyLog({
    bodies,
    chain: openChain({ chainId, rpcUrl, token: registry }),
    registry,
    owner: flags.registryOwner === undefined ? null : addressOf('--registry-owner', flags.registryOwner),
    fromBlock: blockOf(flags.fromBlock),
    rpcHost: new URL(rpcUrl).host,
  });
  return checks.map(({ name, ok, detail }) => ({ check: name, ok, detail }));
}

function blockOf(given: string | undefined): bigint {
  if (given === undefined) return 0n;
  if (/^[0-9]{1,15}$/.test(given)) return BigInt(given);
  throw new BursarError('invalid_request', { message: `--from-block: "${given}" is no block number.` });
}

function addressOf(flag: string, given: string): Address {
  if (isAddress(given, { strict: given !== given.toLowerCase() })) return getAddress(given);
  throw new BursarError('invalid_address', {
    message: `${flag}: "${given}" is not an address with a correct checksum.`,
  });
}

function show({ screen }: Session, findings: readonly Finding[]): void {
  const ok = findings.every((each) => each.ok);
  screen.document({ ok, findings });
  for (const each of findings) {
    const word = each.ok ? screen.paint('ok  ', 'green') : screen.paint('FAIL', 'red');
    screen.line(`  ${word}  ${visible(each.check)}: ${visible(each.detail)}`);
  }
  const failed = findings.filter((each) => !each.ok).length;
  screen.line(
    ok ? screen.paint('verified', 'green') : `${screen.paint('NOT verified', 'red')}: ${failed} of the checks failed`,
  );
  finish(ok ? EXIT.ok : EXIT.refused);
}
