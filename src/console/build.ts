/** `npm run build:console`: builds the console into `dist/console`. The server starts it by itself where it is needed. */
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { build } from 'vite';
import { folder, isBuilt, sources, sourcesHash } from './folder.ts';

const hash = sourcesHash();
// Built aside and put in place at once: two builds, or one that fails, leave no half console.
const draft = `${folder}.${process.pid}`;
try {
  await build({
    configFile: false,
    root: sources,
    base: '/',
    logLevel: 'error',
    build: {
      outDir: draft,
      emptyOutDir: true,
      target: 'es2023',
      modulePreload: { polyfill: false },
      // One file: a page is shown after two requests.
      chunkSizeWarningLimit: 4_000,
      assetsInlineLimit: 0,
    },
    oxc: { jsx: { runtime: 'automatic' } },
  });
  writeFileSync(join(draft, 'stamp.txt'), hash);
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
