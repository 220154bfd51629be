// Builds the simulator as one file and runs it with the flags of this command. In one file a dynamic import is a resolved promise; as files
// it would be a wait that the virtual scheduler does not order, and a seed would not give the same run again.
import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = join(fileURLToPath(import.meta.url), '..', '..', '..');
const outfile = join(root, 'dist', 'simulation', `main.${process.pid}.js`);
try {
  await build({
    absWorkingDir: root,
    entryPoints: ['test/simulation/simulate.ts'],
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    // Packages that load files or native code beside themselves.
    external: ['better-sqlite3', 'pino', 'esbuild', '@open-policy-agent/opa-wasm', '@foundry-rs/*'],
    banner: {
      js: "import { createRequire as makeRequire } from 'node:module'; const require = makeRequire(import.meta.url);",
    },
    sourcemap: 'inline',
    logLevel: 'error',
  });
  const flags = ['--enable-source-maps', outfile, ...process.argv.slice(2)];
  process.exitCode = spawnSync(process.execPath, flags, { stdio: 'inherit' }).status ?? 1;
} finally {
  rmSync(outfile, { force: true });
}
