import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

export const sources = dirname(fileURLToPath(import.meta.url));
const root = join(sources, '..', '..');
/** Where the built console is. */
export const folder = join(root, 'dist', 'console');
const STAMP = 'stamp.txt';
export const stampFile = join(folder, STAMP);

/** sha-256 of what the console is made from: its sources, what they share with the server, and the locked dependencies. */
export function sourcesHash(): string {
  const hash = createHash('sha256');
  const files = ['src/console', 'src/money', 'src/errors'].flatMap((path) => filesIn(join(root, path)));
  for (const file of [
    ...files,
    ...['payments/kinds.ts', 'payments/states.ts'].map((path) => join(root, 'src', path)),
  ]) {
    if (file.includes('.test.')) continue;
    hash
      .update(`${relative(root, file)}\0`)
      .update(readFileSync(file))
      .update('\0');
  }
  return hash.update(readFileSync(join(root, 'package-lock.json'))).digest('hex');
}

function filesIn(path: string): string[] {
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

/** Whether what is built is what the sources say now. */
export function isBuilt(): boolean {
  try {
    return readFileSync(stampFile, 'utf8') === sourcesHash();
  } catch {
    return false;
  }
}
