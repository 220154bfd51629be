import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmod, rename, rm, stat, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { allVariables } from '../../core/environment/environment.ts';
import { BursarError } from '../../core/errors/base.ts';
import { root } from '../../core/root.ts';
import { withLock } from './lock.ts';
import { type OpaRelease, opaReleases } from './opaReleases.ts';

const run = promisify(execFile);

/** The only version whose output is committed; another may compile the same sources to other bytes. */
export const OPA_VERSION = '1.22.2';

const BUILD_LIMIT_MS = 15 * 60_000;
const DOWNLOAD_LIMIT_MS = 5 * 60_000;

export type OpaOptions = {
  env?: NodeJS.ProcessEnv;
  /** The folder of the binary; never in the repository. */
  cacheDir?: string;
  /** Receives progress messages. Default: a line on stderr. */
  report?: (line: string) => void;
  /** For tests: leaves out the methods that need a network or a minute. */
  ways?: readonly ('installed' | 'cache' | 'go' | 'release')[];
  releases?: Readonly<Record<string, OpaRelease>>;
};

/**
 * The path of an `opa` of exactly the pinned version: from the environment (`OPA`, then PATH), the project's cache, `go
 * build` from policies/compiler, or the official release with a pinned SHA-256. Throws `opa_missing`, saying why each failed.
 */
export async function resolveOpa(options: OpaOptions = {}): Promise<string> {
  const env = options.env ?? allVariables();
  const ways = options.ways ?? ['installed', 'cache', 'go', 'release'];
  const report = options.report ?? ((line: string) => process.stderr.write(`${line}\n`));
  const cached = cachePath(options.cacheDir ?? join(root, '.cache', 'opa'));
  const failures: string[] = [];

  if (ways.includes('installed')) {
    const found = await installed(env, failures);
    if (found !== null) return found;
  }
  if (ways.includes('cache') && (await versionOf(cached)) === OPA_VERSION) return cached;

  const made = await withLock(`${cached}.lock`, async () => {
    // Another process may have made it in the meantime.
    if (ways.includes('cache') && (await versionOf(cached)) === OPA_VERSION) return true;
    if (ways.includes('go') && (await attempt(failures, 'go build', () => buildWithGo(cached, env, report))))
      return true;
    return (
      ways.includes('release') &&
      (await attempt(failures, 'release', () => download(cached, options.releases ?? opaReleases, report)))
    );
  });
  if (made) return cached;
  throw new BursarError('opa_missing', {
    message: `The Rego compiler opa ${OPA_VERSION} is not available: ${failures.join('; ') || 'nothing was tried'}.`,
    details: { tried: failures, install: `opa ${OPA_VERSION} in PATH or named by OPA, or Go 1.26 or later` },
  });
}

/** `1.22.2`, or null if the file is not a working opa. */
async function versionOf(path: string): Promise<string | null> {
  try {
    const { stdout } = await run(path, ['version'], { timeout: 20_000 });
    return /^Version:\s*(\S+)/m.exec(stdout)?.[1] ?? null;
  } catch {
    return null;
  }
}

async function installed(env: NodeJS.ProcessEnv, failures: string[]): Promise<string | null> {
  const name = process.platform === 'win32' ? 'opa.exe' : 'opa';
  const inPath = (env.PATH ?? '')
    .split(delimiter)
    .filter((folder) => folder !== '')
    .map((folder) => join(folder, name));
  for (const candidate of [...(env.OPA ? [env.OPA] : []), ...inPath]) {
    if (!(await stat(candidate).catch(() => null))?.isFile()) continue;
    const version = await versionOf(candidate);
    if (version === OPA_VERSION) return candidate;
    failures.push(`${candidate} is ${version === null ? 'not an opa that runs' : `version ${version}`}`);
  }
  return null;
}

async function buildWithGo(target: string, env: NodeJS.ProcessEnv, report: (line: string) => void): Promise<void> {
  const { stdout } = await run('go', ['version'], { env, timeout: 20_000 });
  report(`Building opa ${OPA_VERSION} with ${stdout.trim()}; once, about a minute.`);
  await install(target, async (temporary) => {
    const args = ['build', '-trimpath', '-buildvcs=false', '-mod=readonly', '-ldflags=-s -w', '-o', temporary];
    await run('go', [...args, 'github.com/open-policy-agent/opa'], {
      cwd: join(root, 'policies', 'compiler'),
      env: { ...env, CGO_ENABLED: '0', GOWORK: 'off', GOFLAGS: '' },
      timeout: BUILD_LIMIT_MS,
      maxBuffer: 16 * 1024 * 1024,
    });
  });
}

async function download(
  target: string,
  releases: Readonly<Record<string, OpaRelease>>,
  report: (line: string) => void,
): Promise<void> {
  const release = releases[`${process.platform}-${process.arch}`];
  if (!release) throw new Error(`no release is pinned for ${process.platform} ${process.arch}`);
  report(`Downloading opa ${OPA_VERSION} from ${release.url}.`);
  const response = await fetch(release.url, { signal: AbortSignal.timeout(DOWNLOAD_LIMIT_MS) });
  if (!response.ok) throw new Error(`${release.url} answered ${response.status}`);
  const bytes = new Uint8Array(await response.arrayBuffer());
  const actual = createHash('sha256').update(bytes).digest('hex');
  if (actual !== release.sha256) throw new Error(`${release.url} has SHA-256 ${actual}, not ${release.sha256}`);
  await install(target, (temporary) => writeFile(temporary, bytes));
}

/** Makes the binary under a temporary name, verifies it, and renames it. */
async function install(target: string, make: (temporary: string) => Promise<unknown>): Promise<void> {
  const temporary = `${target}.${process.pid}.part`;
  try {
    await make(temporary);
    await chmod(temporary, 0o755);
    const version = await versionOf(temporary);
    if (version !== OPA_VERSION) throw new Error(`what was made says it is version ${version ?? 'unknown'}`);
    await rename(temporary, target);
  } finally {
    await rm(temporary, { force: true });
  }
}

async function attempt(failures: string[], way: string, action: () => Promise<void>): Promise<boolean> {
  try {
    await action();
    return true;
  } catch (error) {
    failures.push(`${way}: ${reasonOf(error)}`);
    return false;
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { stderr } = error as Error & { stderr?: unknown };
  const text = typeof stderr === 'string' && stderr.trim() !== '' ? stderr.trim() : error.message;
  return text.split('\n').slice(-3).join(' ').slice(0, 400);
}

function cachePath(folder: string): string {
  const suffix = process.platform === 'win32' ? '.exe' : '';
  return join(folder, `opa-${OPA_VERSION}-${process.platform}-${process.arch}${suffix}`);
}
