import { CommanderError } from 'commander';
import { failureOf } from './exit.ts';
import { createProgram } from './program.ts';
import { openScreen } from './screen.ts';
import { visible } from './table.ts';
import { text } from './values.ts';

/** The `bursar` command. */
async function main(args: readonly string[]): Promise<void> {
  // A reader that has gone, such as `head`, is no error of ours.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exitCode ??= 0;
  });
  try {
    await createProgram().parseAsync([...args], { from: 'user' });
  } catch (error) {
    // Help and version come as errors with exit code 0.
    if (error instanceof CommanderError && (error.exitCode === 0 || error.code === 'commander.help')) {
      process.exitCode = error.exitCode === 0 ? 0 : 2;
      return;
    }
    const { problem, code } = failureOf(error);
    tell(problem, args.includes('--json'));
    process.exitCode = code;
  }
}

function tell(problem: Record<string, unknown>, json: boolean): void {
  const screen = openScreen(json);
  screen.document(problem);
  if (json) return;
  const { code, detail, action, details } = problem;
  screen.note(`${text(code)}: ${visible(text(detail))}`);
  for (const line of detailLines(details)) screen.note(`  ${visible(line)}`);
  screen.note(`  ${text(action)}`);
}

function detailLines(details: unknown): string[] {
  if (typeof details !== 'object' || details === null) return [];
  return Object.entries(details).flatMap(([name, value]) =>
    Array.isArray(value) ? value.map((part) => `${name}: ${text(part)}`) : [`${name}: ${text(value)}`],
  );
}

await main(process.argv.slice(2));
