/**
 * `npm run prove`: symbolic proofs of `contracts/prove` by halmos (PyPI), in a Python environment under `.cache`, which the first run
 * makes. Needs `python3`. Further arguments go to halmos, such as `--function check_aNoncePaysOnce`.
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const HALMOS = 'halmos==0.3.3';
const contracts = dirname(fileURLToPath(import.meta.url));
const environment = join(contracts, '..', '.cache', 'halmos');
const halmos = join(environment, 'bin', 'halmos');

function run(command: string, args: readonly string[], env: NodeJS.ProcessEnv = process.env): number {
  const { status, error } = spawnSync(command, args, { cwd: contracts, stdio: 'inherit', env });
  if (error !== undefined) throw error;
  return status ?? 1;
}

if (!existsSync(halmos)) {
  const made = run('python3', ['-m', 'venv', environment]);
  const installed = made === 0 ? run(join(environment, 'bin', 'pip'), ['install', '--quiet', HALMOS]) : made;
  if (installed !== 0) process.exit(installed);
}
// halmos calls `forge` by name: this one is npm's.
const bin = join(environment, 'forge');
mkdirSync(bin, { recursive: true });
const shim = join(bin, 'forge');
writeFileSync(shim, `#!/bin/sh\nexec npx tsx "${join(contracts, 'forge.ts')}" "$@"\n`);
chmodSync(shim, 0o755);
const env = { ...process.env, FOUNDRY_PROFILE: 'prove', PATH: `${bin}${delimiter}${process.env.PATH ?? ''}` };
process.exitCode = run(halmos, ['--root', '.', '--forge-build-out', 'out-prove', ...process.argv.slice(2)], env);
