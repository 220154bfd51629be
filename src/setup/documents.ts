/** Writes the pages of `docs/` that are made from code; with `--check`, only says which of them are stale. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { openapi } from '../api/http/openapi.ts';
import { registry } from '../api/operations/registry.ts';
import { errorsDocument } from '../core/errors/document.ts';
import { statesDocument } from '../decide/payments/document.ts';
import { root } from './run.ts';

const documents = {
  'docs/errors.md': errorsDocument,
  'docs/openapi.json': () => `${JSON.stringify(openapi(registry, version()), null, 2)}\n`,
  'docs/states.md': statesDocument,
} as const satisfies Record<string, () => string>;

const check = process.argv.includes('--check');
for (const [path, text] of Object.entries(documents)) {
  const file = join(root, path);
  if (!check) {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text());
  } else if (current(file) !== text()) {
    console.error(`${path} is not what the code says. Run \`npm run generate\` and commit it.`);
    process.exitCode = 1;
  }
}

function version(): string {
  return (JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }).version;
}

function current(file: string): string | null {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return null;
  }
}
