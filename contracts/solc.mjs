#!/usr/bin/env node
// forge's compiler: npm `solc` (emscripten) behind the two ways in which forge calls a native solc.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { isAbsolute, relative } from 'node:path';

const LIBRARIES = '../node_modules/';

// forge names a library file both `../node_modules/…` and by its absolute path. The compiler gets its package name for both: imports
// then resolve without remappings, and the metadata says nothing of where this checkout or its packages are.
const packageName = (path) => {
  const relativePath = isAbsolute(path) ? relative(process.cwd(), path) : path;
  return relativePath.startsWith(LIBRARIES) ? relativePath.slice(LIBRARIES.length) : relativePath;
};
const renamed = (record, name) =>
  Object.fromEntries(Object.entries(record ?? {}).map(([path, value]) => [name(path), value]));

const args = process.argv.slice(2);
const solc = createRequire(import.meta.url)('solc');
if (args.includes('--version')) {
  process.stdout.write(`solc, the solidity compiler commandline interface\nVersion: ${solc.version()}\n`);
} else if (args.includes('--standard-json')) {
  // Every source is in the JSON; the path options (--base-path, --allow-paths, --include-path) have nothing to add.
  const input = JSON.parse(readFileSync(0, 'utf8'));
  input.sources = renamed(input.sources, packageName);
  input.settings.outputSelection = renamed(input.settings.outputSelection, packageName);
  input.settings.remappings = [];
  const output = JSON.parse(solc.compile(JSON.stringify(input)));
  // forge looks for what it asked for by the names it knows.
  const forgeName = (path) => (path.startsWith('@') ? LIBRARIES + path : path);
  output.contracts = renamed(output.contracts, forgeName);
  output.sources = renamed(output.sources, forgeName);
  for (const { sourceLocation } of output.errors ?? []) {
    if (sourceLocation !== undefined) sourceLocation.file = forgeName(sourceLocation.file);
  }
  process.stdout.write(JSON.stringify(output));
} else {
  process.stderr.write('solc.mjs answers --version and --standard-json only\n');
  process.exitCode = 1;
}
