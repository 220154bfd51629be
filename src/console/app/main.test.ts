import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { expect, it } from 'vitest';

it('holds no WebAssembly and no module of Node: the content policy forbids the one, browsers lack the other', async () => {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL('main.tsx', import.meta.url))],
    outdir: 'console',
    bundle: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2023',
    jsx: 'automatic',
    write: false,
    logLevel: 'silent',
  });
  const code = outputFiles.map(({ text }) => text).join('\n');
  expect(code).toContain('createRoot');
  expect(code.match(/WebAssembly\.\w+|(?:import|require)[^;\n]{0,40}["']node:\w+/g) ?? []).toEqual([]);
});
