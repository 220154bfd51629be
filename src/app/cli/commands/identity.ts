import type { Command } from 'commander';
import { type Field, group, type OperationCommand, operationCommand } from '../operationCommand.ts';

const agentFields: readonly Field[] = [
  ['id'],
  ['name'],
  ['status'],
  ['sponsor'],
  ['wallet.address', 'wallet'],
  ['balances.available', 'available', 'right'],
  ['balances.reserved', 'reserved', 'right'],
  ['balances.purse', 'purse', 'right'],
];
const payeeFields: readonly Field[] = [['id'], ['name'], ['kind'], ['status'], ['categories'], ['hosts']];

/** `freeze`, `unfreeze` and `revoke` for everything with a status. */
function statusCommands(noun: string, operation: string): Command[] {
  return (
    [
      ['freeze', 'frozen', 'Stop it for now'],
      ['unfreeze', 'active', 'Let it go on'],
      ['revoke', 'revoked', 'End it for ever'],
    ] as const
  ).map(([name, status, summary]) =>
    operationCommand({
      name,
      operation,
      summary: `${summary}.`,
      positional: [[noun, 'id']],
      fixed: { status },
      examples: [`bursar ${noun} ${name} ${exampleOf[noun] ?? 'NAME'}`],
    }),
  );
}
const exampleOf: Record<string, string> = { agent: 'researcher', sponsor: '"Research team"', workflow: 'paper-digest' };

const made = (commands: readonly OperationCommand[]): Command[] => commands.map(operationCommand);

export function sponsorCommand(): Command {
  return group('sponsor', 'People and teams answerable for agents.', [
    ...made([
      {
        name: 'create',
        operation: 'create_sponsor',
        examples: [
          'bursar sponsor create --name "Research team" --treasury-address 0x2B5AD5c4795c026514f8317c7a215E218DcCD6cF',
        ],
      },
      {
        name: 'list',
        operation: 'list_sponsors',
        list: {
          of: 'sponsors',
          fields: [['id'], ['name'], ['status'], ['treasury_address', 'treasury'], ['created_at', 'created']],
        },
        examples: ['bursar sponsor list', 'bursar sponsor list --json'],
      },
      {
        name: 'show',
        operation: 'get_sponsor',
        positional: [['sponsor', 'id']],
        examples: ['bursar sponsor show "Research team"'],
      },
    ]),
    ...statusCommands('sponsor', 'set_sponsor_status'),
  ]);
}

export function agentCommand(): Command {
  return group('agent', 'Agents, their wallets and balances.', [
    ...made([
      {
        name: 'create',
        operation: 'create_agent',
        examples: [
          'bursar agent create --name researcher --sponsor "Research team"',
          'bursar agent create --name buyer --sponsor Ops --labels team=x --ceilings-per-payment 100 --ceilings-per-period 500',
        ],
      },
      {
        name: 'list',
        operation: 'list_agents',
        list: { of: 'agents', fields: agentFields },
        examples: ['bursar agent list'],
      },
      {
        name: 'show',
        operation: 'get_agent',
        positional: [['agent', 'id']],
        examples: ['bursar agent show researcher'],
      },
      {
        name: 'accept-suspense',
        operation: 'accept_suspense',
        positional: [['agent', 'id']],
        examples: ['bursar agent accept-suspense researcher --amount 5.00 --reason "deposit from the old wallet"'],
      },
    ]),
    ...statusCommands('agent', 'set_agent_status'),
  ]);
}

export function workflowCommand(): Command {
  return group('workflow', 'Named jobs on whose behalf payments are made.', [
    ...made([
      { name: 'create', operation: 'create_workflow', examples: ['bursar workflow create --name paper-digest'] },
      {
        name: 'list',
        operation: 'list_workflows',
        list: { of: 'workflows', fields: [['id'], ['name'], ['status'], ['created_at', 'created']] },
        examples: ['bursar workflow list'],
      },
    ]),
    ...statusCommands('workflow', 'set_workflow_status'),
  ]);
}

export function payeeCommand(): Command {
  const by = { positional: [['payee', 'id']] } as const;
  return group(
    'payee',
    'Counterparties, their addresses, hosts and categories.',
    made([
      {
        name: 'create',
        operation: 'create_payee',
        examples: [
          'bursar payee create --name Grace --kind contractor --categories contractor --address 0x90F79bf6EB2c4f870365E785982E1f101E93b906 --verified',
          'bursar payee create --name "OCR vendor" --kind merchant --categories ocr --hosts ocr.example',
        ],
      },
      {
        name: 'list',
        operation: 'list_payees',
        list: { of: 'payees', fields: payeeFields },
        examples: ['bursar payee list'],
      },
      { name: 'show', operation: 'get_payee', ...by, examples: ['bursar payee show Grace'] },
      {
        name: 'update',
        operation: 'update_payee',
        ...by,
        examples: ['bursar payee update Grace --categories contractor,translation'],
      },
      {
        name: 'block',
        operation: 'update_payee',
        summary: 'Refuse every payment to it.',
        ...by,
        fixed: { status: 'blocked' },
        omit: ['categories', 'hosts'],
        examples: ['bursar payee block Grace'],
      },
      {
        name: 'unblock',
        operation: 'update_payee',
        summary: 'Pay it again.',
        ...by,
        fixed: { status: 'active' },
        omit: ['categories', 'hosts'],
        examples: ['bursar payee unblock Grace'],
      },
      {
        name: 'add-address',
        operation: 'add_payee_address',
        positional: [
          ['payee', 'id'],
          ['address', 'address'],
        ],
        examples: ['bursar payee add-address Grace 0x15d34AAf54267DB7D7c367839AAf71A00a2C6A65'],
      },
      {
        name: 'verify-address',
        operation: 'verify_payee_address',
        positional: [
          ['payee', 'id'],
          ['address', 'address'],
        ],
        examples: ['bursar payee verify-address Grace 0x15d34AAf54267DB7D7c367839AAf71A00a2C6A65'],
      },
      {
        name: 'retire-address',
        operation: 'retire_payee_address',
        positional: [
          ['payee', 'id'],
          ['address', 'address'],
        ],
        examples: ['bursar payee retire-address Grace 0x15d34AAf54267DB7D7c367839AAf71A00a2C6A65'],
      },
    ]),
  );
}

export function approverCommand(): Command {
  return group(
    'approver',
    'People whose signature answers reviews.',
    made([
      {
        name: 'create',
        operation: 'create_approver',
        examples: [
          'bursar approver create --name Ada --address 0x9965507D1a55bcC2695C58ba16FB37d819B0A4dc --roles finance',
        ],
      },
      {
        name: 'list',
        operation: 'list_approvers',
        list: { of: 'approvers', fields: [['id'], ['name'], ['status'], ['roles'], ['address'], ['sponsor']] },
        examples: ['bursar approver list'],
      },
      {
        name: 'set-roles',
        operation: 'set_approver_roles',
        positional: [['approver', 'id']],
        examples: ['bursar approver set-roles Ada --roles finance,operator'],
      },
      {
        name: 'set-email',
        operation: 'set_approver_email',
        positional: [['approver', 'id']],
        examples: [
          'bursar approver set-email Ada --email ada@example.com',
          'bursar approver set-email Ada --email null',
        ],
      },
      {
        name: 'revoke',
        operation: 'revoke_approver',
        positional: [['approver', 'id']],
        examples: ['bursar approver revoke apr_01k3x7gq5nf8b9c2v4m6t0w1yz'],
      },
    ]),
  );
}

export function keyCommand(): Command {
  const by = { positional: [['key', 'id']] } as const;
  return group(
    'key',
    'API keys. A new one is shown once.',
    made([
      {
        name: 'create',
        operation: 'create_key',
        examples: [
          'bursar key create --role agent --agent researcher --name "researcher on host 3"',
          'bursar key create --role auditor --name "Year-end audit" --expires-at 2027-02-01T00:00:00Z',
        ],
      },
      {
        name: 'list',
        operation: 'list_keys',
        list: {
          of: 'keys',
          fields: [
            ['id'],
            ['role'],
            ['name'],
            ['agent'],
            ['scopes'],
            ['expires_at', 'expires'],
            ['revoked_at', 'revoked'],
          ],
        },
        examples: ['bursar key list'],
      },
      {
        name: 'rotate',
        operation: 'rotate_key',
        ...by,
        examples: ['bursar key rotate key_01k3x7gq5nf8b9c2v4m6t0w1yz --grace-seconds 60'],
      },
      {
        name: 'revoke',
        operation: 'revoke_key',
        ...by,
        examples: ['bursar key revoke key_01k3x7gq5nf8b9c2v4m6t0w1yz'],
      },
    ]),
  );
}
