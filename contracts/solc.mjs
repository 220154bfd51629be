#!/usr/bin/env node
// forge's compiler: npm `solc` (emscripten) behind the two ways in which forge calls a native solc.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { isAbsolute, relative } from 'node:path';

// forge names a library file both `../node_modules/…` and by its absolute path. One relative name for both makes the
// imports resolve, and keeps the place of the checkout out of the compiler's input.
const renamed = (record) =>
  Object.fromEntries(
    Object.entries(record).map(([path, value]) => [isAbsolute(path) ? relative(process.cwd(), path) : path, value]),
  );

const args = process.argv.slice(2);
const solc = createRequire(import.meta.url)('solc');
if (args.includes('--version')) {
  process.stdout.write(`solc, the solidity compiler commandline interface\nVersion: ${solc.version()}\n`);
} else if (args.includes('--standard-json')) {
  // Every source is in the JSON; the path options (--base-path, --allow-paths, --include-path) have nothing to add.
  const input = JSON.parse(readFileSync(0, 'utf8'));
  input.sources = renamed(input.sources);
  input.settings.outputSelection = renamed(input.settings.outputSelection);
  process.stdout.write(solc.compile(JSON.stringify(input)));
} else {
  process.stderr.write('solc.mjs answers --version and --standard-json only\n');
  process.exitCode = 1;
}
