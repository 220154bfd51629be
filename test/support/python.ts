import { execFile, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const cache = fileURLToPath(new URL('../../.cache/python', import.meta.url));

/** The python of a virtual environment that has these packages; made once, and kept in the project's cache. */
export function pythonWith(...requirements: string[]): Promise<string> {
  return environmentOf('python3', requirements);
}

/** The same for packages that need Python 3.12 or later, which is not everywhere the first one that is found. */
export async function newPythonWith(...requirements: string[]): Promise<string> {
  return environmentOf(await newPython(), requirements);
}

async function newPython(): Promise<string> {
  const root = await run('pyenv', ['root']).then(
    ({ stdout }) => join(stdout.trim(), 'versions'),
    () => null,
  );
  const others = root === null ? [] : readdirSync(root).map((version) => join(root, version, 'bin', 'python3'));
  for (const command of ['python3', 'python3.14', 'python3.13', 'python3.12', ...others]) {
    const isNew = await run(command, ['-c', 'import sys; sys.exit(sys.version_info < (3, 12))']).then(
      () => true,
      () => false,
    );
    if (isNew) return command;
  }
  throw new Error('No Python of version 3.12 or later is here.');
}

async function environmentOf(command: string, requirements: readonly string[]): Promise<string> {
  const place = join(cache, requirements.join('+').replaceAll(/[^\w.+-]+/g, '-'));
  const python = (dir: string) => join(dir, 'bin', 'python');
  if (existsSync(place)) return python(place);
  // Made aside and moved, so that one that was cut short is never found.
  const draft = `${place}.${randomUUID()}`;
  mkdirSync(cache, { recursive: true });
  try {
    await run(command, ['-m', 'venv', draft]);
    await run(python(draft), ['-m', 'pip', 'install', '-q', '--disable-pip-version-check', ...requirements]);
    renameSync(draft, place);
  } catch (cause) {
    rmSync(draft, { recursive: true, force: true });
    if (!existsSync(place))
      throw new Error(`No Python with ${requirements.join(', ')}: needs python3 and PyPI.`, { cause });
  }
  return python(place);
}

/** Runs a script of this folder with one JSON document on stdin; gives the JSON document that it prints. */
export function runPython(python: string, script: string, input: unknown): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const path = fileURLToPath(new URL(script, import.meta.url));
    const child = execFile(python, [path], { maxBuffer: 16 * 1024 * 1024 }, (error, stdout, stderr) => {
      if (error) reject(new Error(`${script} failed: ${stderr}`, { cause: error }));
      else resolve(JSON.parse(stdout));
    });
    child.stdin?.end(JSON.stringify(input));
  });
}

export type Serving = { url: string; stop(): Promise<void> };

/** Starts a script of this folder that serves: it reads one line of JSON, and says on its first line where it listens. */
export async function servePython(python: string, script: string, input: unknown): Promise<Serving> {
  const path = fileURLToPath(new URL(script, import.meta.url));
  const child = spawn(python, [path], { stdio: 'pipe' });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  let wrong = '';
  child.stderr.on('data', (chunk: Buffer) => {
    wrong += chunk.toString();
  });
  child.stdin.write(`${JSON.stringify(input)}\n`);
  for await (const line of createInterface({ input: child.stdout })) {
    const { url } = JSON.parse(line) as { url: string };
    return {
      url,
      stop: async () => {
        child.kill('SIGTERM');
        await ended;
      },
    };
  }
  throw new Error(`${script} did not start: ${wrong}`);
}
