import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { root } from './run.ts';

/**
 * The script in a clone of its own, whose node_modules links to the real better-sqlite3. npm is a script that writes down
 * how it was called: a real `npm ci` is what `.ci/run` does first.
 */
let clone: string;
let npm: string;
const lock = {
  packages: {
    '': { name: 'bursar' },
    'node_modules/a': { version: '1.0.0', integrity: 'sha512-a' },
    'node_modules/here': { version: '1.0.0', integrity: 'sha512-h', optional: true, os: [process.platform] },
    'node_modules/elsewhere': { version: '1.0.0', integrity: 'sha512-e', optional: true, os: ['aix'] },
  },
};
const { 'node_modules/elsewhere': _, ...installedHere } = lock.packages;

beforeEach(() => {
  clone = mkdtempSync(join(tmpdir(), 'bursar-install-'));
  mkdirSync(join(clone, 'src', 'setup'), { recursive: true });
  mkdirSync(join(clone, 'node_modules'));
  copyFileSync(join(root, 'src/setup/install.mjs'), join(clone, 'src/setup/install.mjs'));
  writeFileSync(join(clone, 'package-lock.json'), JSON.stringify(lock));
  symlinkSync(join(root, 'node_modules/better-sqlite3'), join(clone, 'node_modules/better-sqlite3'));
  npm = join(clone, 'npm.cjs');
  writeNpm(0);
});
afterEach(() => rmSync(clone, { recursive: true, force: true }));

function writeNpm(exitCode: number): void {
  const note = "require('node:fs').appendFileSync(__dirname + '/called', process.argv.slice(2).join(' ') + '\\n')";
  writeFileSync(npm, `${note}; process.exit(${exitCode})`);
}
function installed(packages: Record<string, unknown>): void {
  writeFileSync(join(clone, 'node_modules/.package-lock.json'), JSON.stringify({ packages }));
}
function install(env: Record<string, string> = {}): { status: number | null; output: string; calls: string } {
  const run = spawnSync(process.execPath, ['src/setup/install.mjs'], {
    cwd: clone,
    env: { ...process.env, npm_execpath: npm, ...env },
    encoding: 'utf8',
  });
  return { status: run.status, output: run.stdout + run.stderr, calls: calls() };
}
function calls(): string {
  try {
    return readFileSync(join(clone, 'called'), 'utf8');
  } catch {
    return '';
  }
}

describe('install', () => {
  it('does nothing and says nothing where node_modules is what the lock file says', () => {
    installed(installedHere);
    expect(install()).toEqual({ status: 0, output: '', calls: '' });
  });

  it('runs npm ci where node_modules is absent or unfinished', () => {
    const { status, output, calls } = install();
    expect(status).toBe(0);
    expect(calls).toMatch(/^ci /);
    expect(output).toContain('node_modules is absent or unfinished: running npm ci.');
  });

  it('runs npm ci where a version differs from the lock file', () => {
    installed({ ...installedHere, 'node_modules/a': { version: '0.9.0', integrity: 'sha512-a' } });
    expect(install().calls).toMatch(/^ci /);
  });

  it('runs npm ci where the package with the binary for this platform is missing', () => {
    const { 'node_modules/here': _here, ...without } = installedHere;
    installed(without);
    const { calls, output } = install();
    expect(calls).toMatch(/^ci /);
    expect(output).toContain('(here)');
  });

  it('fails with what to do where npm ci fails', () => {
    writeNpm(1);
    const { status, output } = install({ PATH: clone, CXX: 'no-compiler' });
    expect(status).toBe(1);
    expect(output).toContain('npm ci failed');
    expect(output).toContain('Missing here: a C++ compiler (g++ or clang++), make, Python 3.');
  });

  it('builds the SQLite binding again where it does not load, and fails where that does not help', () => {
    installed(installedHere);
    rmSync(join(clone, 'node_modules/better-sqlite3'));
    const { status, output, calls } = install();
    expect(calls).toBe('rebuild better-sqlite3\n');
    expect(status).toBe(1);
    expect(output).toContain('better-sqlite3 cannot be built');
  });

  it('refuses a clone without its lock file', () => {
    rmSync(join(clone, 'package-lock.json'));
    expect(install()).toMatchObject({ status: 1, calls: '' });
  });
});
