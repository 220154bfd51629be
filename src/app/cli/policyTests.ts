import { execFile } from 'node:child_process';
import { existsSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { BursarError } from '../../core/errors/base.ts';
import { resolveOpa } from '../../decide/policy/opa.ts';
import { POLICIES } from '../../decide/policy/sources.ts';

export type PolicyTests = { passed: number; failed: number; failures: string[] };

const LIMIT_MS = 120_000;

/** Runs `opa test` on Bursar's library and controls, and on the directory's own controls. Throws `opa_missing`. */
export async function runPolicyTests(dir: string): Promise<PolicyTests> {
  const opa = await resolveOpa();
  const own = join(dir, 'controls');
  const isBursars = realpathSync(dir) === realpathSync(POLICIES);
  const paths = [join(POLICIES, 'lib'), join(POLICIES, 'controls'), ...(existsSync(own) && !isBursars ? [own] : [])];
  // Data and fixtures are left out: a Rego test sets its own input and data.
  const output = await call(opa, ['test', '--format', 'json', '--ignore', '*.json', ...paths]);
  const results = JSON.parse(output) as { package: string; name: string; fail?: boolean; error?: unknown }[];
  const failures = results.filter((each) => each.fail === true || each.error !== undefined);
  return {
    passed: results.length - failures.length,
    failed: failures.length,
    failures: failures.map((each) => `${each.package}.${each.name}`),
  };
}

/** Exit code 2 means that a test failed; its report is the result. */
function call(opa: string, args: string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(opa, args, { timeout: LIMIT_MS, maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) => {
      if (stdout.trimStart().startsWith('[')) return resolve(stdout);
      reject(
        new BursarError('policy_compile_failed', { message: (stderr || stdout || String(error)).trim().slice(0, 500) }),
      );
    });
  });
}
