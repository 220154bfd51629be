import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';

const run = promisify(execFile);
const root = new URL('..', import.meta.url).pathname;
/** A outsider's app with Bursar in its node_modules, as `npm pack` would have put it there. */
const app = mkdtempSync(join(tmpdir(), 'bursar-outsider-'));
const installed = join(app, 'node_modules/bursar');

beforeAll(async () => {
  mkdirSync(installed, { recursive: true });
  cpSync(join(root, 'package.json'), join(installed, 'package.json'));
  for (const name of readdirSync(join(root, 'node_modules'))) {
    if (name !== '.bin') symlinkSync(join(root, 'node_modules', name), join(app, 'node_modules', name));
  }
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  await run(process.execPath, [tsc, '-p', join(root, 'src/earn/seller'), '--outDir', join(installed, 'dist')]);
});
afterAll(() => rmSync(app, { recursive: true, force: true }));

it.each(['hono', 'express', 'fastify'])('bursar/seller/%s runs in plain Node, where it was installed', async (name) => {
  const script = `
    import { durableSales, sell } from 'bursar/seller/${name}';
    const sales = await durableSales(${JSON.stringify(join(app, `${name}.sqlite`))});
    const made = sell({ 'GET /a': '0.01' }, { payTo: '0x70997970C51812dc3A010C7d01b50e0d17dc79C8', sales });
    console.log(typeof made);
    await sales.close();`;
  const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', script], { cwd: app });
  expect(stdout.trim()).toBe('function');
});
