import { Command } from 'commander';
import { BursarError } from '../../../core/errors/base.ts';
import { readConfig } from '../../server/config.ts';
import { confirmed } from '../confirm.ts';
import { EXIT } from '../exit.ts';
import { type Document, examples, finish, operationCommand } from '../operationCommand.ts';
import { isRefusal, showPayment } from '../payment.ts';
import { type Session, sessionOf } from '../session.ts';
import { typedDataFor, type Verdict } from '../signing.ts';
import { at, text } from '../values.ts';

export function reviewCommands(): Command[] {
  return [
    operationCommand({
      name: 'reviews',
      operation: 'list_reviews',
      list: {
        of: 'payments',
        fields: [
          ['id'],
          ['amount', 'amount', 'right'],
          ['payee'],
          ['reasons.0.code', 'reason'],
          ['review.roles', 'roles'],
          ['review.expires_at', 'expires'],
        ],
      },
      examples: ['bursar reviews'],
    }),
    answerCommand('approve', 'Look at a payment under review and sign for it (EIP-712) with your key.'),
    answerCommand('reject', 'Look at a payment under review and sign that it must not be made.'),
  ];
}

type Flags = { role: string; yes?: boolean; reason?: string };

function answerCommand(verdict: Verdict, summary: string): Command {
  const command = new Command(verdict)
    .description(
      `${summary} What is signed is made here from the payment as shown; where the server's own version differs, nothing is signed.`,
    )
    .argument('<payment>')
    .option('--role <role>', 'Which key of the keystore (or BURSAR_KEY_<ROLE>) signs', 'approver')
    .option('-y, --yes', 'Do not ask; where stdin is no terminal nobody is asked')
    .option('--reason <text>', 'Shown to the requester of the payment; the signature does not cover it')
    .addHelpText(
      'after',
      examples([
        `bursar ${verdict} pay_01k3x7gq5nf8b9c2v4m6t0w1yz`,
        `bursar ${verdict} pay_01k3x7gq5nf8b9c2v4m6t0w1yz --role approver-ada --yes --json`,
      ]),
    )
    .action((id: string, flags: Flags) => answer(sessionOf(command), verdict, id, flags));
  return command;
}

async function answer(session: Session, verdict: Verdict, id: string, { role, yes, reason }: Flags): Promise<void> {
  const { screen } = session;
  const client = session.client();
  const review = await client.call('get_review', { id });
  const payment = review.payment as Document;
  if (payment.id !== id)
    throw new BursarError('signing_refused', { message: 'The server answered with another payment.' });
  const agent = await client.call('get_agent', { id: payment.agent });
  const payee = typeof payment.payee === 'string' ? await client.call('get_payee', { id: payment.payee }) : null;
  const wallet = String(at(agent, 'wallet.address'));
  const config = readConfig(session.dataDir);
  const token = config && `eip155:${config.chain.id}` === payment.network ? config.chain.usdc : null;
  const typedData = typedDataFor(verdict, payment, review[verdict], { wallet, token });

  const { openDataDirKeys } = await import('../../server/dataDirKeys.ts');
  const keys = await openDataDirKeys(session.dataDir);
  const approver = await keys.address(role);
  screen.line(screen.paint(`You sign, as ${approver}, to ${verdict}:`, 'bold'));
  screen.details({
    payment: payment.id,
    amount: payment.amount,
    payee: payee ? `${text(payee.name)} (${text(payee.id)})` : 'none: the address is on no list',
    address: addressLine(payment, payee),
    agent: `${text(agent.name)} (${text(agent.id)})`,
    wallet,
    chain: payment.network,
    token: token ?? `${text(at(typedData, 'message.token'))} (as the server says)`,
    expires: at(payment, 'review.expires_at'),
    memo: payment.memo,
    why: (payment.reasons as Document[]).map((reason) => reason.message).join(' '),
    decision: payment.decision_hash,
  });
  if (!yes && process.stdin.isTTY && !(await confirmed(`Sign to ${verdict}?`))) {
    screen.note('Nothing was signed.');
    return finish(EXIT.refused);
  }
  const signature = await keys.signTypedData(role, typedData);
  const said = reason === undefined ? {} : { reason };
  const after = await client.call('answer_review', { id, verdict, approver, signature, ...said });
  screen.document(after);
  screen.line();
  showPayment(screen, after);
  finish(verdict === 'approve' && isRefusal(after) ? EXIT.refused : EXIT.ok);
}

/** New, changed or unverified: signs of a fraud with addresses. */
function addressLine(payment: Document, payee: Document | null): string {
  const known = (payee?.addresses as Document[] | undefined)?.find((each) => each.address === payment.address);
  if (!known) return `${text(payment.address)} (not an address of this payee)`;
  const state = known.retired_at
    ? `retired ${text(known.retired_at)}`
    : known.verified_at
      ? `verified ${text(known.verified_at)}`
      : known.changed_at
        ? `CHANGED ${text(known.changed_at)}, not verified`
        : 'not verified';
  return `${text(payment.address)} (${state})`;
}
