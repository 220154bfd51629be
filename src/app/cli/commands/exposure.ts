import type { Command } from 'commander';
import { EXIT } from '../exit.ts';
import { columns, type Document, operationCommand } from '../operationCommand.ts';
import type { Screen } from '../screen.ts';
import { at, text } from '../values.ts';

export function exposureCommand(): Command {
  return operationCommand({
    name: 'exposure',
    operation: 'exposure',
    examples: ['bursar exposure', 'bursar exposure --agent researcher', 'bursar exposure --json'],
    show: ({ screen }, answer) => {
      screen.document(answer);
      if (!screen.json) draw(screen, answer);
      return EXIT.ok;
    },
  });
}

function draw(screen: Screen, answer: Document): void {
  const agents = answer.agents as Document[];
  screen.line(`The most that could move by itself, until ${text(answer.today_until)} and ${text(answer.month_until)}:`);
  screen.line();
  screen.table(
    columns(screen, [
      ['name', 'agent'],
      ['status'],
      ['figures.today.most', 'today', 'right'],
      ['figures.month.most', 'this month', 'right'],
      ['figures.month.if_funded', 'if funded', 'right'],
      ['on_its_way', 'on its way', 'right'],
      ['held', 'held', 'right'],
    ]),
    agents,
  );
  screen.line();
  for (const agent of agents) {
    screen.line(`${text(agent.name)}: ${text(at(agent, 'figures.today.because'))}`);
    for (const warning of agent.warnings as Document[]) {
      screen.line(`  ${screen.paint('warning', 'yellow')} ${text(warning.message)}`);
    }
  }
  const stolen = answer.stolen_keys as Document[];
  if (stolen.length === 0) return;
  screen.line();
  screen.line('If a key is stolen:');
  screen.line();
  screen.table(
    columns(screen, [
      ['key'],
      ['name'],
      ['holder'],
      ['figures.today.most', 'today', 'right'],
      ['figures.month.most', 'this month', 'right'],
      ['figures.month.if_funded', 'if funded', 'right'],
    ]),
    stolen,
  );
  screen.line();
  for (const key of stolen) {
    if (key.key !== 'agent_api_key')
      screen.line(`${text(key.key)} ${text(key.holder)}: ${text(at(key, 'figures.month.because'))}`);
  }
}
