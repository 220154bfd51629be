import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The top of the repository. */
export const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');

export type Finished = { code: number; stdout: string };

/**
 * Runs a command at the top of the repository or in a folder of it, with no stdin. Its stdout is shown, or with `capture` kept and returned;
 * its stderr is always shown. A command that cannot be started, or is killed, finishes with code 1.
 */
export function run(
  command: readonly string[],
  options: { capture?: boolean; folder?: string } = {},
): Promise<Finished> {
  const [file, ...args] = command;
  return new Promise((resolve) => {
    if (file === undefined) return resolve({ code: 1, stdout: '' });
    const child = spawn(file, args, {
      cwd: join(root, options.folder ?? '.'),
      stdio: ['ignore', options.capture ? 'pipe' : 'inherit', 'inherit'],
    });
    const chunks: Buffer[] = [];
    child.stdout?.on('data', (chunk: Buffer) => chunks.push(chunk));
    child.on('error', (error) => {
      console.error(`${file}: ${error.message}`);
      resolve({ code: 1, stdout: '' });
    });
    child.on('close', (code) => resolve({ code: code ?? 1, stdout: Buffer.concat(chunks).toString('utf8') }));
  });
}

/** A tool's JavaScript entry under node_modules, run by this Node: no shell, no npx, no look-up in the network. */
export function tool(path: string, ...args: string[]): string[] {
  return [process.execPath, join(root, 'node_modules', path), ...args];
}

/** A TypeScript file of ours, run through tsx. */
export function script(path: string, ...args: string[]): string[] {
  return [process.execPath, '--import', 'tsx', join(root, path), ...args];
}

/**
 * The forge of npm's platform package. Its JavaScript wrapper always exits with 0, so a failed build would look like a good
 * one. Throws where npm has no forge for this platform.
 */
export function forge(...args: string[]): string[] {
  const wrapper = createRequire(createRequire(import.meta.url).resolve('@foundry-rs/forge/package.json'));
  const architecture = process.arch === 'x64' ? 'amd64' : process.arch;
  const binary = process.platform === 'win32' ? 'forge.exe' : 'forge';
  return [wrapper.resolve(`@foundry-rs/forge-${process.platform}-${architecture}/bin/${binary}`), ...args];
}
