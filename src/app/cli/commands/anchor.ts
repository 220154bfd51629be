import { writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Command } from 'commander';
import { formatEther } from 'viem';
import { ProblemError } from '../../../api/client/client.ts';
import { BursarError } from '../../../core/errors/base.ts';
import { EXIT } from '../exit.ts';
import { columns, type Document, examples, finish, operationCommand } from '../operationCommand.ts';
import { type Session, sessionOf } from '../session.ts';
import { at, short, text } from '../values.ts';
import { auditCommand, exportCommand } from './anchorAudit.ts';

type Flags = { chain: boolean; wait: boolean };
const LOOK_EVERY_MS = 250;
const WAIT_MS = 120_000;

/** `bursar anchor` and its subcommands. */
export function anchorCommand(): Command {
  const command = new Command('anchor')
    .description(
      'Sign the head of the event log, write it to the file outside the database, and put it on the chain; says what that costs before and after.',
    )
    .option('--no-chain', 'Sign it and write the file only: needs no gas')
    .option('--no-wait', 'Do not wait until it is mined')
    .addHelpText('after', examples(['bursar anchor', 'bursar anchor --no-chain']))
    .action(async (flags: Flags) => anchor(sessionOf(command), flags));
  command.addCommand(listCommand());
  command.addCommand(proveCommand());
  command.addCommand(exportCommand());
  command.addCommand(auditCommand());
  command.addCommand(
    operationCommand({
      name: 'log',
      operation: 'get_log',
      examples: ['bursar anchor log', 'bursar anchor log --json'],
    }),
  );
  return command;
}

async function anchor(session: Session, flags: Flags): Promise<void> {
  const { screen } = session;
  const client = session.client();
  if (flags.chain) await sayCost(session);
  const answer = await client.call('anchor', { on_chain: flags.chain });
  const { size } = answer.head as Document;
  screen.line(`Signed: ${text(size)} events, root ${text(at(answer, 'head.root'))}.`);
  const notSent = answer.not_sent as Document | null;
  if (notSent) {
    screen.document(answer);
    if (!flags.chain) return;
    screen.line(`Not on the chain: ${text(notSent.reason)}`);
    if (notSent.call) screen.line(`  to=${text(at(notSent, 'call.to'))} data=${text(at(notSent, 'call.data'))}`);
    finish(EXIT.refused);
    return;
  }
  const done = flags.wait ? await waitFor(session, Number(at(answer, 'anchor.size'))) : (answer.anchor as Document);
  screen.document({ ...answer, anchor: done });
  if (done.state === 'failed') {
    screen.line(`The anchor failed: ${text(done.reason)}`);
    finish(EXIT.refused);
    return;
  }
  screen.line(
    done.tx_hash === null
      ? `Queued: ${text(done.size)} events. See: bursar anchor list`
      : `On the chain: ${text(done.size)} events in transaction ${text(done.tx_hash)}, block ${text(done.block)}. It took ${text(done.gas_used)} gas, ${ether(done.cost_wei)} of the chain's coin.`,
  );
}

/** The cost is shown before anything is signed; the anchor itself reports that there is nothing new, or that nobody may anchor. */
async function sayCost({ screen, client }: Session): Promise<void> {
  try {
    const cost = await client().call('anchor_cost', {});
    screen.line(
      `To anchor about ${text(cost.size)} events takes about ${text(cost.gas)} gas, ${ether(cost.cost_wei)} of the chain's coin; ${text(cost.sender)} has ${ether(cost.balance_wei)}.`,
    );
  } catch (error) {
    if (!(error instanceof ProblemError) || error.code === 'unauthenticated') throw error;
    screen.note(`The cost is not known: ${error.message}`);
  }
}

async function waitFor(session: Session, size: number): Promise<Document> {
  const client = session.client();
  const until = Date.now() + WAIT_MS;
  for (;;) {
    const { anchors } = await client.call('list_anchors', {});
    const found = (anchors as Document[]).find((each) => each.size === size);
    if (found && (found.state === 'mined' || found.state === 'final' || found.state === 'failed')) return found;
    if (Date.now() > until) {
      throw new BursarError('chain_unavailable', { message: 'The anchor is not mined yet. See: bursar anchor list' });
    }
    await sleep(LOOK_EVERY_MS);
  }
}

function listCommand(): Command {
  return operationCommand({
    name: 'list',
    operation: 'list_anchors',
    examples: ['bursar anchor list'],
    show: ({ screen }, answer) => {
      screen.document(answer);
      const anchors = answer.anchors as Document[];
      const rows = (answer.heads as Document[]).map((head) => {
        const found = anchors.find((each) => each.size === head.size);
        const cost = found?.cost_wei ? ether(found.cost_wei) : null;
        return {
          ...head,
          root: short(head.root),
          ...found,
          root_short: short(head.root),
          cost,
          state: found?.state ?? 'signed',
        };
      });
      screen.table(
        columns(screen, [
          ['size', 'events', 'right'],
          ['root_short', 'root'],
          ['signed_at', 'signed'],
          ['state'],
          ['tx_hash', 'transaction'],
          ['gas_used', 'gas', 'right'],
          ['cost', 'cost', 'right'],
        ]),
        rows,
      );
      return EXIT.ok;
    },
  });
}

function proveCommand(): Command {
  const command = new Command('prove')
    .description(
      'Proof that an event, or all events of a payment, are in the log under a signed head, for `bursar anchor verify` and any reader of C2SP tlog-proof.',
    )
    .argument('<payment or event number>')
    .option('-o, --out <file>', 'Write it here; without it, and with --json, it goes to stdout')
    .addHelpText(
      'after',
      examples([
        'bursar anchor prove pay_01k3x7gq5nf8b9c2v4m6t0w1yz --out proof.json',
        'bursar anchor prove 118',
        'bursar anchor verify proof.json --rpc https://rpc.example --registry 0x5FbD…',
      ]),
    )
    .action(async (what: string, { out }: { out?: string }) => {
      const session = sessionOf(command);
      const wanted = /^[0-9]+$/.test(what) ? { event: Number(what) } : { payment: what };
      const proof = await session.client().call('prove', wanted);
      if (out === undefined) {
        session.screen.document(proof);
        session.screen.line(JSON.stringify(proof, null, 2));
        return;
      }
      writeFileSync(out, `${JSON.stringify(proof, null, 2)}\n`);
      const entries = (proof.entries as Document[]).length;
      const anchored = proof.anchor !== null;
      session.screen.document({ out, entries, anchored });
      session.screen.line(
        `Proof of ${entries} ${entries === 1 ? 'event' : 'events'} in ${out}, under a head that is ${anchored ? 'on the chain' : 'signed and not on the chain'}.`,
      );
    });
  return command;
}

const ether = (wei: unknown): string => formatEther(BigInt(String(wei)));
