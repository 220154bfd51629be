import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../../../core/root.ts';

/** The web app. */
export const sources = join(root, 'src', 'console');
/** Where the built console is. */
export const folder = join(root, 'dist', 'console');
export const STAMP = 'stamp.json';
/** What the build depends on that is no module of it. */
const BESIDE = ['package-lock.json', 'src/api/http/console/build.ts', 'src/console/index.html'];

/** What a console was built from: every module that the bundler met, below the project's root, and the sha-256 of them all. */
export type Stamp = { inputs: string[]; hash: string };

/** A module that is new is imported by one that has changed, so these files tell of every change. */
export function stampOf(inputs: readonly string[]): Stamp {
  const files = [...new Set([...BESIDE, ...inputs])].sort();
  const hash = createHash('sha256');
  for (const file of files) {
    hash
      .update(`${file}\0`)
      .update(readFileSync(join(root, file)))
      .update('\0');
  }
  return { inputs: files, hash: hash.digest('hex') };
}

/** Whether what is built is what the sources say now. */
export function isBuilt(): boolean {
  try {
    const { inputs, hash } = JSON.parse(readFileSync(join(folder, STAMP), 'utf8')) as Stamp;
    return stampOf(inputs).hash === hash;
  } catch {
    return false;
  }
}
