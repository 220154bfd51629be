import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { root } from '../run.ts';

const run = promisify(execFile);
const cached = join(root, '.cache', 'spin', 'usr', 'bin', 'spin');

/**
 * The path of the model checker Spin 6: the one that SPIN names, else the one in PATH, else the project's cache, else Debian's
 * package, unpacked into that cache without root. Reports what it does. Throws with what to install.
 */
export async function resolveSpin(report: (line: string) => void): Promise<string> {
  if (!(await answers('gcc', ['--version'])))
    throw new Error('Spin needs gcc, which is not here. On Debian: apt-get install gcc');
  const named = process.env.SPIN;
  if (named !== undefined) {
    if (await isSpin(named)) return named;
    throw new Error(`SPIN names ${named}, which is no Spin 6.`);
  }
  for (const path of ['spin', cached]) {
    if (!(await isSpin(path))) continue;
    report(path === cached ? 'Spin: from the cache of this project.' : 'Spin: found in PATH.');
    return path;
  }
  report('Spin: not here; the package of Debian is fetched and unpacked into .cache/spin.');
  try {
    await unpackPackage();
  } catch (cause) {
    throw new Error(
      'Spin 6 is not here and its package could not be fetched: apt-get install spin, brew install spin, or set SPIN.',
      {
        cause,
      },
    );
  }
  if (await isSpin(cached)) return cached;
  throw new Error('The Spin of the package does not run here: install Spin 6, or let SPIN name it.');
}

async function isSpin(path: string): Promise<boolean> {
  return /Spin Version 6\./.test((await answers(path, ['-V'])) ?? '');
}

async function answers(file: string, args: readonly string[]): Promise<string | null> {
  return run(file, [...args]).then(
    ({ stdout }) => stdout,
    () => null,
  );
}

/** Unpacked aside and moved, so that an interrupted one is never found. */
async function unpackPackage(): Promise<void> {
  const place = dirname(dirname(dirname(cached)));
  const draft = `${place}.${randomUUID()}`;
  mkdirSync(draft, { recursive: true });
  try {
    const download = () => run('apt-get', ['download', 'spin'], { cwd: draft });
    // A machine that was just made has no package lists.
    await download().catch(() => run('apt-get', ['update']).then(download));
    const file = readdirSync(draft).find((name) => name.endsWith('.deb'));
    if (file === undefined) throw new Error('apt-get download left no package.');
    await run('dpkg-deb', ['-x', file, '.'], { cwd: draft });
    if (existsSync(place)) rmSync(place, { recursive: true });
    renameSync(draft, place);
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
}
