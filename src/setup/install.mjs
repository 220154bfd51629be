// Makes a bare clone ready: installs what the lock file names, and sees that the SQLite binding loads.
// Runs before `npm start`, `npm test` and `.ci/run`, so it needs nothing but Node itself.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const NODE_MAJOR_MIN = 20;
const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');

function say(line) {
  console.log(`bursar setup: ${line}`);
}

function fail(...lines) {
  for (const line of lines) console.error(`bursar setup: ${line}`);
  process.exit(1);
}

function packagesIn(lockFile) {
  try {
    return JSON.parse(readFileSync(join(root, lockFile), 'utf8')).packages ?? null;
  } catch {
    return null;
  }
}

function includesHere(list, value) {
  if (!Array.isArray(list)) return true;
  if (list.some((name) => name.startsWith('!'))) return !list.includes(`!${value}`);
  return list.includes(value);
}

/** glibc and musl are told apart on Linux only. The report may look up names of the network unless it is told not to. */
const libc = process.platform === 'linux' ? linuxLibc() : undefined;
function linuxLibc() {
  process.report.excludeNetwork = true;
  return process.report.getReport().header.glibcVersionRuntime ? 'glibc' : 'musl';
}

/** Whether npm would install this package on this machine. */
function belongsHere(entry) {
  if (!entry.optional) return true;
  // Optional and bound to no platform: dependencies of another platform's package, which npm leaves out at will.
  if (!entry.os && !entry.cpu) return false;
  return (
    includesHere(entry.os, process.platform) &&
    includesHere(entry.cpu, process.arch) &&
    (!entry.libc || includesHere(entry.libc, libc))
  );
}

/**
 * Why node_modules is not what the lock file says, or null. By content, not by time: a fresh clone has arbitrary times,
 * and npm writes node_modules/.package-lock.json last, so an interrupted install has none.
 */
function reasonToInstall() {
  const wanted = packagesIn('package-lock.json');
  if (!wanted) fail('package-lock.json is missing or is not JSON; the clone is not whole.');
  const present = packagesIn(join('node_modules', '.package-lock.json'));
  if (!present) return 'node_modules is absent or unfinished';
  for (const [path, entry] of Object.entries(wanted)) {
    if (path === '') continue;
    const found = present[path];
    if (found ? found.version !== entry.version || found.integrity !== entry.integrity : belongsHere(entry)) {
      return `node_modules is older than the lock file (${path.replace('node_modules/', '')})`;
    }
  }
  return null;
}

/** node-gyp fetches headers from nodejs.org unless it is told where they are; most installations carry their own. */
function environment() {
  if (process.env.npm_config_nodedir) return process.env;
  const prefix = dirname(dirname(realpathSync(process.execPath)));
  if (!existsSync(join(prefix, 'include', 'node', 'node.h'))) return process.env;
  return { ...process.env, npm_config_nodedir: prefix };
}

function npm(...args) {
  const env = environment();
  const own = process.env.npm_execpath;
  const command = own && /\.c?js$/.test(own) ? [process.execPath, own, ...args] : ['npm', ...args];
  if (env.npm_config_nodedir) say(`node-gyp takes its headers from ${env.npm_config_nodedir}.`);
  const [file, ...rest] = command;
  const run = spawnSync(file, rest, {
    cwd: root,
    env,
    stdio: ['ignore', 'inherit', 'inherit'],
    shell: process.platform === 'win32',
  });
  return run.status === 0;
}

function runs(...commands) {
  return commands.some((command) => spawnSync(command, ['--version'], { stdio: 'ignore' }).status === 0);
}

/** What a native build needs and this machine lacks, each named by what to install. */
function missingTools() {
  if (process.platform === 'win32')
    return ['Visual Studio Build Tools with "Desktop development with C++", and Python 3'];
  const missing = [];
  if (!runs(process.env.CXX || 'c++', 'g++', 'clang++')) missing.push('a C++ compiler (g++ or clang++)');
  if (!runs('make', 'gmake')) missing.push('make');
  if (!runs(process.env.PYTHON || 'python3', 'python')) missing.push('Python 3');
  return missing;
}

function failToBuild(what) {
  const missing = missingTools();
  fail(
    `${what}; the messages above say why.`,
    missing.length > 0
      ? `better-sqlite3 is built from source where no binary can be downloaded. Missing here: ${missing.join(', ')}.`
      : 'A C++ compiler, make and Python 3 are all here; check the network and the free space, then try again.',
    ...(missing.length > 0 && process.platform === 'linux'
      ? ['On Debian or Ubuntu: apt-get install -y build-essential python3']
      : []),
    ...(missing.length > 0 && process.platform === 'darwin' ? ['On macOS: xcode-select --install'] : []),
  );
}

/** In a child: a binding for another Node version fails to load, and a failed load cannot be tried again in one process. */
function sqliteLoads() {
  const script = "new (require('better-sqlite3'))(':memory:').close()";
  return spawnSync(process.execPath, ['-e', script], { cwd: root, stdio: 'ignore' }).status === 0;
}

const major = Number(process.versions.node.split('.')[0]);
if (major < NODE_MAJOR_MIN) {
  fail(`Bursar needs Node ${NODE_MAJOR_MIN} or later; this is ${process.version} (${process.execPath}).`);
}
const reason = reasonToInstall();
if (reason) {
  say(`${reason}: running npm ci.`);
  if (!npm('ci', '--include=dev', '--include=optional')) failToBuild('npm ci failed');
}
if (!sqliteLoads()) {
  say('better-sqlite3 does not load under this Node: building it again.');
  if (!npm('rebuild', 'better-sqlite3') || !sqliteLoads()) failToBuild('better-sqlite3 cannot be built');
}
if (reason) say('ready.');
