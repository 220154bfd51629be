import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../../../core/root.ts';

/** The web app. */
export const sources = join(root, 'src', 'console');
/** The folder of the built console. */
export const folder = join(root, 'dist', 'console');
export const STAMP = 'stamp.json';
/** Inputs of the build that are not modules. */
const BESIDE = ['package-lock.json', 'src/api/http/console/build.ts', 'src/console/index.html'];

/** The inputs of a build: every module that the bundler read, below the project's root, and the sha-256 of all. */
export type Stamp = { inputs: string[]; hash: string };

/** A new module is imported by one that has changed, so these files cover every change. */
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

/** Tells whether the build was made from the current sources. */
export function isBuilt(): boolean {
  try {
    const { inputs, hash } = JSON.parse(readFileSync(join(folder, STAMP), 'utf8')) as Stamp;
    return stampOf(inputs).hash === hash;
  } catch {
    return false;
  }
}
