import { execFile } from 'node:child_process';
import { cp, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { BursarError } from '../../core/errors/base.ts';
import { type OpaOptions, resolveOpa } from './opa.ts';
import { POLICIES, readSources } from './sources.ts';

const run = promisify(execFile);
const LIMIT_MS = 120_000;

export type PolicyTests = { passed: number; failed: { name: string; file: string; line: number }[] };

type TestReport = {
  name: string;
  package: string;
  fail?: boolean;
  error?: unknown;
  location: { file: string; row: number };
};

/**
 * Runs the Rego tests (`<name>_test.rego`) of an operator's controls next to Bursar's library. Throws `policy_compile_failed` if
 * they do not compile, `opa_missing`.
 */
export async function testPolicyDirectory(dir: string, options: OpaOptions = {}): Promise<PolicyTests> {
  await readSources(dir);
  const opa = await resolveOpa(options);
  const folder = await mkdtemp(join(tmpdir(), 'bursar-policy-test-'));
  try {
    // Copied together, so that an unchanged copy of a control of Bursar's is there only once.
    const isLibrary = (path: string): boolean => !path.endsWith('_test.rego');
    await cp(join(POLICIES, 'lib'), join(folder, 'lib'), { recursive: true, filter: isLibrary });
    await cp(join(POLICIES, 'controls'), join(folder, 'controls'), { recursive: true, filter: isLibrary });
    await cp(join(dir, 'controls'), join(folder, 'controls'), { recursive: true });
    const { stdout } = await run(opa, ['test', '--format', 'json', '--ignore', '*.json', 'lib', 'controls'], {
      cwd: folder,
      timeout: LIMIT_MS,
    }).catch(
      // Exit code 2: some failed; the report is still on stdout.
      (error: { code?: number; stdout?: string; stderr?: string }) => {
        if (error.code === 2 && error.stdout) return { stdout: error.stdout };
        const message = (error.stderr ?? String(error)).trim().slice(0, 500);
        throw new BursarError('policy_compile_failed', { message, cause: error });
      },
    );
    const reports = (JSON.parse(stdout) ?? []) as TestReport[];
    const failed = reports.filter((report) => report.fail || report.error !== undefined);
    return {
      passed: reports.length - failed.length,
      failed: failed.map(({ name, location }) => ({ name, file: location.file, line: location.row })),
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** `opa fmt --write` on an operator's own controls. Returns the files that it changed. */
export async function formatPolicyDirectory(dir: string, options: OpaOptions = {}): Promise<string[]> {
  const entries = await readdir(join(dir, 'controls'), { recursive: true }).catch(() => []);
  const rego = entries.filter((path) => path.endsWith('.rego')).map((path) => join('controls', path));
  if (rego.length === 0) return [];
  const opa = await resolveOpa(options);
  const { stdout } = await run(opa, ['fmt', '--list', ...rego], { cwd: dir, timeout: LIMIT_MS });
  await run(opa, ['fmt', '--write', ...rego], { cwd: dir, timeout: LIMIT_MS });
  return stdout.split('\n').filter((line) => line !== '');
}
