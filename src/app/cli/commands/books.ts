import type { Command } from 'commander';
import { EXIT } from '../exit.ts';
import { columns, type Document, group, operationCommand } from '../operationCommand.ts';
import { paintState } from '../screen.ts';
import { at, text } from '../values.ts';

export function bookCommands(): Command[] {
  return [
    group('ledger', 'The double-entry books, and the proof that they agree with the chain.', [
      operationCommand({
        name: 'check',
        operation: 'check_ledger',
        examples: ['bursar ledger check', 'bursar ledger check --anchors', 'bursar ledger check --json'],
        show: ({ screen }, answer) => {
          screen.document(answer);
          const checks = (answer.checks as Document[]).map((check) => ({ ...check, state: check.ok ? 'ok' : 'FAIL' }));
          screen.table(columns(screen, [['state', ''], ['name', 'check'], ['detail']]), checks);
          screen.line();
          screen.line(answer.ok ? paintState(screen, 'ok') : paintState(screen, 'FAIL'));
          return answer.ok ? EXIT.ok : EXIT.refused;
        },
      }),
      operationCommand({
        name: 'balances',
        operation: 'list_balances',
        list: { of: 'balances', fields: [['account'], ['amount', 'amount', 'right']] },
        examples: ['bursar ledger balances'],
      }),
      operationCommand({
        name: 'entries',
        operation: 'list_entries',
        examples: ['bursar ledger entries', 'bursar ledger entries --payment pay_01k3x7gq5nf8b9c2v4m6t0w1yz'],
        show: ({ screen }, answer) => {
          screen.document(answer);
          const lines = (answer.entries as Document[]).flatMap((entry) =>
            (entry.lines as Document[]).map((line, index) => ({ ...(index === 0 ? entry : {}), ...line })),
          );
          const fields = [
            ['id', 'entry', 'right'],
            ['kind'],
            ['account'],
            ['amount', 'amount', 'right'],
            ['payment'],
            ['at'],
          ] as const;
          screen.table(
            columns(screen, fields).map((column) => ({
              ...column,
              // Only the first line of an entry has the values of the entry.
              cell: (row: Document) =>
                row.id === undefined && !/account|amount/.test(column.title) ? '' : column.cell(row),
            })),
            lines,
          );
          return EXIT.ok;
        },
      }),
    ]),
    operationCommand({
      name: 'balance',
      operation: 'list_agents',
      summary: 'What each agent has: to spend, held for payments, and in its x402 purse.',
      examples: ['bursar balance', 'bursar balance --json'],
      list: {
        of: 'agents',
        fields: [
          ['name', 'agent'],
          ['balances.available', 'available', 'right'],
          ['balances.reserved', 'reserved', 'right'],
          ['balances.purse', 'purse', 'right'],
          ['balances.purse_reserved', 'purse reserved', 'right'],
          ['balances.suspense', 'suspense', 'right'],
          ['wallet.address', 'wallet'],
        ],
      },
    }),
    operationCommand({
      name: 'budget',
      operation: 'budget',
      positional: [['agent', 'id']],
      examples: ['bursar budget researcher', 'bursar budget researcher --payee Grace'],
    }),
    operationCommand({
      name: 'alerts',
      operation: 'list_alerts',
      examples: ['bursar alerts'],
      show: ({ screen }, answer) => {
        screen.document(answer);
        screen.table(
          columns(screen, [
            ['id', 'id', 'right'],
            ['type'],
            ['agent'],
            ['raised_at', 'raised'],
            ['resolved_at', 'resolved'],
            ['data'],
          ]),
          answer.alerts as Document[],
        );
        const open = (answer.alerts as Document[]).filter((alert) => at(alert, 'resolved_at') === null).length;
        screen.line(`${text(open)} open`);
        return EXIT.ok;
      },
    }),
  ];
}
