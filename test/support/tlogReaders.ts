import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { newPythonWith, runPython } from './python.ts';

type Head = { size: number; root: string };
/** Bytes in base64. */
export type TlogChecks = {
  verifier_key: string;
  notes: string[];
  inclusions: { entry: string; index: number; head: Head; proof: string[] }[];
  consistencies: { old: Head; new: Head; proof: string[] }[];
};
/** One problem per check; empty where there is none. */
export type TlogAnswer = { heads: (Head | null)[]; notes: string[]; inclusions: string[]; consistencies: string[] };
export type TlogReader = (checks: TlogChecks) => Promise<TlogAnswer>;

const run = promisify(execFile);
const folder = fileURLToPath(new URL('./tlog_reader', import.meta.url));
const binary = fileURLToPath(new URL('../../.cache/tlog-reader', import.meta.url));

/** Go's own sumdb packages and transparency-dev/merkle, as `test/support/tlog_reader` calls them. */
export async function goReader(): Promise<TlogReader> {
  await run('go', ['build', '-trimpath', '-o', binary, '.'], { cwd: folder });
  return (checks) =>
    new Promise((resolve, reject) => {
      const child = execFile(binary, [], { maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) => {
        if (error) reject(new Error(`tlog_reader failed: ${stderr}`, { cause: error }));
        else resolve(JSON.parse(stdout) as TlogAnswer);
      });
      child.stdin?.end(JSON.stringify(checks));
    });
}

/** aics-tlog from PyPI. */
export async function pythonReader(): Promise<TlogReader> {
  const python = await newPythonWith('aics-tlog==0.2.1');
  return async (checks) => (await runPython(python, './tlog_reader.py', checks)) as TlogAnswer;
}
