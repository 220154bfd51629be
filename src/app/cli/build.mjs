// Builds the command line into `dist/program` with esbuild, where it is not built from these sources yet. Plain Node: it runs
// before every command, so it imports esbuild only when it has to build.
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..');
const folder = join(root, 'dist', 'program');
export const entry = join(folder, 'main.js');
const STAMP = 'stamp.json';
/** What the build depends on that is no module of it. */
const BESIDE = ['package-lock.json', 'src/app/cli/build.mjs'];
/** Packages that load files or native code beside themselves. */
const EXTERNAL = ['better-sqlite3', 'pino', 'esbuild', 'vite', '@open-policy-agent/opa-wasm', '@foundry-rs/*'];

/** A module that is new is imported by one that has changed, so these files tell of every change. */
function hashOf(inputs) {
  const hash = createHash('sha256');
  for (const file of inputs) {
    hash
      .update(`${file}\0`)
      .update(readFileSync(join(root, file)))
      .update('\0');
  }
  return hash.digest('hex');
}

function isBuilt() {
  try {
    const { inputs, hash } = JSON.parse(readFileSync(join(folder, STAMP), 'utf8'));
    return hashOf(inputs) === hash;
  } catch {
    return false;
  }
}

/** Built aside and put in place at once: two builds, or one that fails, leave no half program. */
export async function ensureProgram() {
  if (isBuilt()) return;
  const { build } = await import('esbuild');
  const draft = `${folder}.${process.pid}`;
  try {
    const { metafile } = await build({
      absWorkingDir: root,
      entryPoints: ['src/app/cli/main.ts'],
      outdir: draft,
      bundle: true,
      splitting: true,
      format: 'esm',
      platform: 'node',
      target: 'node20',
      external: EXTERNAL,
      // CommonJS packages inside the bundle call require for Node's own modules.
      banner: {
        js: "import { createRequire as makeRequire } from 'node:module'; const require = makeRequire(import.meta.url);",
      },
      sourcemap: 'linked',
      metafile: true,
      logLevel: 'error',
    });
    const own = Object.keys(metafile.inputs).filter((file) => file.startsWith('src/'));
    const inputs = [...new Set([...BESIDE, ...own])].sort();
    writeFileSync(join(draft, STAMP), JSON.stringify({ inputs, hash: hashOf(inputs) }));
    mkdirSync(dirname(folder), { recursive: true });
    rmSync(folder, { recursive: true, force: true });
    try {
      renameSync(draft, folder);
    } catch (error) {
      // Another process was faster with the same sources.
      if (!isBuilt()) throw error;
    }
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
}
