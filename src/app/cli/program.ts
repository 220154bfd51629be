import { Command } from 'commander';
import { anchorCommand } from './commands/anchor.ts';
import { backupCommands } from './commands/backup.ts';
import { bookCommands } from './commands/books.ts';
import { callCommand } from './commands/call.ts';
import { consoleCommand } from './commands/console.ts';
import { demoCommand } from './commands/demo.ts';
import { eventsCommand } from './commands/events.ts';
import { evidenceCommands } from './commands/evidence.ts';
import { exposureCommand } from './commands/exposure.ts';
import { fundCommand } from './commands/fund.ts';
import {
  agentCommand,
  approverCommand,
  keyCommand,
  payeeCommand,
  sponsorCommand,
  workflowCommand,
} from './commands/identity.ts';
import { mandateCommands } from './commands/mandates.ts';
import { mcpCommand } from './commands/mcp.ts';
import { migrateCommand } from './commands/migrate.ts';
import { moneyCommands } from './commands/money.ts';
import { ownerCommand } from './commands/owner.ts';
import { policyCommand } from './commands/policy.ts';
import { revenueCommands } from './commands/revenue.ts';
import { reviewCommands } from './commands/review.ts';
import { serveCommands } from './commands/serve.ts';
import { stopCommand } from './commands/stop.ts';
import { exitCodesHelp } from './exit.ts';
import { gatewayCommand } from './gateway.ts';
import { payoutCommand } from './payout.ts';
import { version } from './version.ts';

const sections: readonly (readonly [string, () => readonly Command[]])[] = [
  [
    'Run:',
    () => [
      ...serveCommands(),
      gatewayCommand(),
      mcpCommand(),
      consoleCommand(),
      demoCommand(),
      migrateCommand(),
      ...backupCommands(),
    ],
  ],
  [
    'Who:',
    () => [sponsorCommand(), agentCommand(), payeeCommand(), workflowCommand(), approverCommand(), keyCommand()],
  ],
  ['Pay:', () => [...moneyCommands(), payoutCommand(), ...reviewCommands(), ...mandateCommands(), fundCommand()]],
  ['Earn:', () => revenueCommands()],
  ['Decide:', () => [policyCommand()]],
  ['Control:', () => [exposureCommand(), stopCommand(), ownerCommand()]],
  ['Prove:', () => [...evidenceCommands(), ...bookCommands(), anchorCommand(), eventsCommand()]],
  ['Any:', () => [callCommand()]],
];

/** The whole command line. Errors are thrown (`CommanderError` for wrong use), not printed. */
export function createProgram(): Command {
  const program = new Command('bursar')
    .description('Bursar: payment infrastructure for AI agents.')
    .version(version, '-V, --version')
    .option('--url <url>', 'The server (BURSAR_URL; else as the data directory says)')
    .option(
      '--key <key>',
      'API key (BURSAR_API_KEY, which other users cannot see; else the operator key of the data directory)',
    )
    .option('--data-dir <folder>', 'The data directory (BURSAR_DATA_DIR; else .bursar)')
    .option('--json', 'JSON alone on stdout: one document, or a line per event; errors as a problem document')
    .addHelpText(
      'after',
      `
Examples:
  bursar demo --serve                      play the scenario, then keep serving
  bursar agent create --name researcher --sponsor "Research team"
  bursar pay --agent researcher --payee Grace --amount 12.50 --wait
  bursar events --follow --json

${exitCodesHelp}`,
    );
  for (const [heading, commands] of sections) {
    program.commandsGroup(heading);
    for (const command of commands()) program.addCommand(command);
  }
  for (const command of all(program)) {
    command
      .configureHelp({ showGlobalOptions: true })
      .exitOverride()
      .configureOutput({ outputError: () => {} });
  }
  return program;
}

function all(command: Command): Command[] {
  return [command, ...command.commands.flatMap(all)];
}
