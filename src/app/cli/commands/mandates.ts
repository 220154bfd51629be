import { Command } from 'commander';
import { readConfig } from '../../server/config.ts';
import { openDataDirKeys } from '../../server/dataDirKeys.ts';
import { confirmed } from '../confirm.ts';
import { EXIT } from '../exit.ts';
import { type Document, examples, type Field, finish, group, operationCommand } from '../operationCommand.ts';
import { type Session, sessionOf } from '../session.ts';
import { mandateDataFor } from '../signing.ts';
import { at } from '../values.ts';

const mandateFields: readonly Field[] = [
  ['id'],
  ['status'],
  ['agent'],
  ['per_payment', 'per payment', 'right'],
  ['total', 'total', 'right'],
  ['used.total', 'used', 'right'],
  ['payees'],
  ['categories'],
  ['expires_at', 'expires'],
];
const scheduleFields: readonly Field[] = [
  ['id'],
  ['name'],
  ['status'],
  ['amount', 'amount', 'right'],
  ['payee'],
  ['rrule'],
  ['zone'],
  ['next_at', 'next'],
];
const MANDATE = 'mdt_01k3x7gq5nf8b9c2v4m6t0w1yz';
const SCHEDULE = 'sch_01k3x7gq5nf8b9c2v4m6t0w1yz';

/** Commands for mandates and recurring payments. */
export function mandateCommands(): Command[] {
  const mandate = { positional: [['mandate', 'id']] } as const;
  const schedule = { positional: [['schedule', 'id']] } as const;
  return [
    group('mandate', 'Standing, bounded pre-approvals that people sign.', [
      operationCommand({
        name: 'request',
        operation: 'request_mandate',
        examples: [
          'bursar mandate request --agent researcher --payees Grace --per-payment 20 --total 100 --expires-at 2027-01-01T00:00:00Z --reason "weekly proof-reading"',
        ],
      }),
      operationCommand({
        name: 'list',
        operation: 'list_mandates',
        list: { of: 'mandates', fields: mandateFields },
        examples: ['bursar mandate list'],
      }),
      operationCommand({
        name: 'show',
        operation: 'get_mandate',
        ...mandate,
        examples: [`bursar mandate show ${MANDATE}`],
      }),
      signCommand(),
      operationCommand({
        name: 'end',
        operation: 'end_mandate',
        ...mandate,
        examples: [`bursar mandate end ${MANDATE}`],
      }),
    ]),
    group('schedule', 'Payments that are asked for again and again.', [
      operationCommand({
        name: 'create',
        operation: 'create_schedule',
        examples: [
          'bursar schedule create --agent researcher --name "weekly proof-reading" --payee Grace --amount 20 --rrule "FREQ=WEEKLY;BYDAY=MO;BYHOUR=9" --zone Europe/Berlin',
        ],
      }),
      operationCommand({
        name: 'list',
        operation: 'list_schedules',
        list: { of: 'schedules', fields: scheduleFields },
        examples: ['bursar schedule list'],
      }),
      operationCommand({
        name: 'show',
        operation: 'get_schedule',
        ...schedule,
        examples: [`bursar schedule show ${SCHEDULE}`],
      }),
      ...(
        [
          ['pause', 'paused', 'Ask for nothing until it is resumed.'],
          ['resume', 'active', 'Go on with its next occurrence.'],
          ['end', 'ended', 'End it for ever.'],
        ] as const
      ).map(([name, status, summary]) =>
        operationCommand({
          name,
          operation: 'set_schedule_status',
          summary,
          ...schedule,
          fixed: { status },
          examples: [`bursar schedule ${name} ${SCHEDULE}`],
        }),
      ),
    ]),
  ];
}

type Flags = { role: string; yes?: boolean };

function signCommand(): Command {
  const command = new Command('sign')
    .description(
      "Look at a mandate's bounds and sign them (EIP-712) with your key. What is signed is made here from what is shown; where the server's own version differs, nothing is signed.",
    )
    .argument('<mandate>')
    .option('--role <role>', 'Which key of the keystore (or BURSAR_KEY_<ROLE>) signs', 'approver')
    .option('-y, --yes', 'Do not ask; where stdin is no terminal nobody is asked')
    .addHelpText('after', examples([`bursar mandate sign ${MANDATE}`, `bursar mandate sign ${MANDATE} --yes --json`]))
    .action(async (id: string, flags: Flags) => sign(sessionOf(command), id, flags));
  return command;
}

async function sign(session: Session, id: string, { role, yes }: Flags): Promise<void> {
  const { screen } = session;
  const client = session.client();
  const answer = await client.call('get_mandate', { id });
  const mandate = answer.mandate as Document;
  // A machine that only signs has no configuration; the chain is then the one that the server names, and it is shown.
  const chainId = readConfig(session.dataDir)?.chain.id ?? Number(at(answer, 'typed_data.domain.chainId'));
  const typedData = mandateDataFor(mandate, answer.typed_data, chainId);
  const keys = await openDataDirKeys(session.dataDir);
  const approver = await keys.address(role);
  screen.line(screen.paint(`You sign, as ${approver}, that this may be paid without asking you:`, 'bold'));
  screen.details({ ...mandate, chain: chainId });
  if (!yes && process.stdin.isTTY && !(await confirmed('Sign this mandate?'))) {
    screen.note('Nothing was signed.');
    return finish(EXIT.refused);
  }
  const signature = await keys.signTypedData(role, typedData);
  const signed = await client.call('sign_mandate', { id, approver, signature });
  screen.document(signed);
  screen.line();
  screen.details(signed);
}
