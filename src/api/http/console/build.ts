/** `npm run build:console`: builds the console into `dist/console`. The server starts it when it is needed. */
import { mkdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { build, type Plugin } from 'vite';
import { root } from '../../../core/root.ts';
import { folder, isBuilt, STAMP, sources, stampOf } from './folder.ts';

const startedMs = Date.now();
const inputs: string[] = [];
const noteInputs: Plugin = {
  name: 'note-inputs',
  buildEnd() {
    for (const id of this.getModuleIds()) {
      const file = relative(root, id.split('?')[0] ?? '');
      if (file.startsWith(`src${sep}`)) inputs.push(file.replaceAll(sep, '/'));
    }
  },
};
// Built in another folder and then moved in one step: concurrent or failed builds leave no partial console.
const draft = `${folder}.${process.pid}`;
try {
  await build({
    configFile: false,
    root: sources,
    base: '/',
    logLevel: 'error',
    plugins: [noteInputs],
    build: {
      outDir: draft,
      emptyOutDir: true,
      target: 'es2023',
      modulePreload: { polyfill: false },
      // One file, so a page is shown after two requests.
      chunkSizeWarningLimit: 4_000,
      assetsInlineLimit: 0,
    },
    oxc: { jsx: { runtime: 'automatic' } },
  });
  const stamp = stampOf(inputs);
  // A module that changed during the build may be in it in its old form: the console then counts as not built.
  const isStale = stamp.inputs.some((file) => statSync(join(root, file)).mtimeMs >= startedMs);
  writeFileSync(join(draft, STAMP), JSON.stringify(isStale ? { ...stamp, hash: '' } : stamp));
  mkdirSync(dirname(folder), { recursive: true });
  rmSync(folder, { recursive: true, force: true });
  try {
    renameSync(draft, folder);
  } catch (error) {
    // Another process finished first with the same sources.
    if (!isBuilt()) throw error;
  }
} finally {
  rmSync(draft, { recursive: true, force: true });
}
