import type { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { registry } from '../../api/operations/registry.ts';
import { createProgram } from './program.ts';

const program = createProgram();

type Named = { path: string; command: Command };
function leaves(command: Command, path = ''): Named[] {
  if (command.commands.length === 0) return [{ path, command }];
  return command.commands.flatMap((each) => leaves(each, `${path} ${each.name()}`.trim()));
}
const all = leaves(program);
const handMade = all.filter(({ path }) => !path.startsWith('call '));

function help(command: Command): string {
  let text = '';
  command.configureOutput({
    writeOut: (part) => {
      text += part;
    },
    getOutHelpWidth: () => 120,
    getOutHasColors: () => false,
  });
  command.outputHelp();
  return text;
}

/** Without what every command has, and without what comes from the registry: flags in the words of the API. */
function ownWords(text: string): string {
  const [usage = '', ...rest] = text.replace(/Global Options:[\s\S]*?\n\n/, '').split('\n\n');
  const isGenerated = (part: string): boolean =>
    registry.some(({ summary }) => part.replaceAll(/\s+/g, ' ').startsWith(summary)) || /^Options:/.test(part);
  const fromOperation = rest.some((part) =>
    registry.some(({ summary }) => part.replaceAll(/\s+/g, ' ').startsWith(summary)),
  );
  return [usage, ...rest.filter((part) => !(fromOperation && isGenerated(part)))].join('\n\n');
}

describe('the command line', () => {
  it('explains itself, with its exit codes', () => {
    expect(help(program)).toMatchSnapshot();
  });

  it.each(handMade)('explains `$path`, with an example', ({ path, command }) => {
    const text = help(command);
    expect(text).toContain(`bursar ${path}`);
    expect(text).toMatch(/Examples?:\n {2}\S/);
    expect(ownWords(text)).toMatchSnapshot();
  });

  it('reaches every operation by its name', () => {
    const called = all.filter(({ path }) => path.startsWith('call ')).map(({ path }) => path.slice('call '.length));
    expect(called.sort()).toEqual(registry.map(({ name }) => name).sort());
  });

  it('takes the global flags before and after the command', async () => {
    for (const args of [
      ['--url', 'not a url', 'agent', 'list'],
      ['agent', 'list', '--url', 'not a url'],
    ]) {
      await expect(createProgram().parseAsync(args, { from: 'user' })).rejects.toMatchObject({
        code: 'invalid_request',
        message: '"not a url" is not an http or https URL.',
      });
    }
  });

  it('throws for an unknown flag or command instead of ending the process', async () => {
    await expect(createProgram().parseAsync(['agent', 'list', '--nope'], { from: 'user' })).rejects.toThrow('--nope');
    await expect(createProgram().parseAsync(['nope'], { from: 'user' })).rejects.toThrow('nope');
  });
});
