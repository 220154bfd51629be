import { CommanderError } from 'commander';
import { EXIT, type ExitCode, failureOf } from './exit.ts';
import { createProgram } from './program.ts';
import { openScreen } from './screen.ts';
import { visible } from './table.ts';
import { text } from './values.ts';

/** Runs one command line; what it prints goes to stdout and stderr. Resolves with the exit code; never rejects. */
export async function runCommand(args: readonly string[]): Promise<ExitCode> {
  try {
    process.exitCode = undefined;
    await createProgram().parseAsync([...args], { from: 'user' });
    return process.exitCode === undefined ? EXIT.ok : (Number(process.exitCode) as ExitCode);
  } catch (error) {
    // Help and version come as errors with exit code 0.
    if (error instanceof CommanderError && (error.exitCode === 0 || error.code === 'commander.help')) {
      return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    }
    const { problem, code } = failureOf(error);
    tell(problem, args.includes('--json'));
    return code;
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
