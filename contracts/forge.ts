/**
 * Runs forge with its exit code, which the `forge` command of npm's package loses: `tsx contracts/forge.ts test`.
 * The binary is in the platform package; nothing is downloaded, and no postinstall need have run.
 */
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(import.meta.url);
const architectures: Partial<Record<NodeJS.Architecture, string>> = { x64: 'amd64', arm64: 'arm64' };

/** Runs forge in `contracts/`. Throws where npm has no forge for this platform; the status is null if a signal ended it. */
export function runForge(args: string[], stdio: 'inherit' | 'pipe'): { status: number | null; output: string } {
  const wrapper = createRequire(createRequire(here).resolve('@foundry-rs/forge/package.json'));
  const platform = `@foundry-rs/forge-${process.platform}-${architectures[process.arch] ?? process.arch}`;
  const binary = wrapper.resolve(`${platform}/bin/${process.platform === 'win32' ? 'forge.exe' : 'forge'}`);
  const run = spawnSync(binary, args, { cwd: dirname(here), encoding: 'utf8', stdio });
  if (run.error !== undefined) throw run.error;
  return { status: run.status, output: `${run.stdout ?? ''}${run.stderr ?? ''}` };
}

if (process.argv[1] === here) process.exitCode = runForge(process.argv.slice(2), 'inherit').status ?? 1;
