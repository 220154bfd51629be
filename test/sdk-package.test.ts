import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const run = promisify(execFile);
const dir = mkdtempSync(join(tmpdir(), 'bursar-sdk-'));
const root = new URL('..', import.meta.url).pathname;

beforeAll(async () => {
  await run(process.execPath, [
    join(root, 'node_modules/typescript/bin/tsc'),
    '-p',
    join(root, 'src/api/sdk'),
    '--outDir',
    dir,
  ]);
  writeFileSync(join(dir, 'package.json'), '{"type":"module"}');
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

describe('bursar/sdk', () => {
  it('runs in plain Node without anything of the server', async () => {
    const script = `import * as sdk from '${join(dir, 'index.js')}'; console.log(Object.keys(sdk).sort().join(' '))`;
    const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', script]);
    expect(stdout.trim()).toBe(
      'AnswerLost BursarProblem BursarUnreachable PaymentPending PaymentRefused createBursar wrapFetch',
    );
  });

  it('bundles for browsers: it imports itself alone, and no module of Node', async () => {
    const outfile = join(dir, 'bundle.js');
    const { metafile } = await build({
      entryPoints: [join(dir, 'index.js')],
      bundle: true,
      platform: 'browser',
      format: 'esm',
      minify: true,
      outfile,
      metafile: true,
      logLevel: 'silent',
    });
    expect(
      Object.keys(metafile.inputs)
        .map((path) => path.split('/').at(-1))
        .sort(),
    ).toEqual(['client.js', 'errors.js', 'index.js', 'wrapFetch.js']);
    expect(readFileSync(outfile).length).toBeLessThan(10_000);
  });
});
