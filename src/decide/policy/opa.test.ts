import { createHash } from 'node:crypto';
import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { OPA_VERSION, resolveOpa } from './opa.ts';

/** What stands for opa here: all that is asked of it is its version. */
const script = (version: string): string => `#!/bin/sh\necho "Version: ${version}"\n`;
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const platform = `${process.platform}-${process.arch}`;
const report = (): void => {};

let folder: string;
let server: Server | undefined;
let served = 0;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bursar-opa-'));
  served = 0;
});
afterEach(async () => {
  server?.close();
  server = undefined;
  await rm(folder, { recursive: true, force: true });
});

async function fake(path: string, version: string): Promise<string> {
  const file = join(folder, path);
  await mkdir(join(file, '..'), { recursive: true });
  await writeFile(file, script(version));
  await chmod(file, 0o755);
  return file;
}

async function release(body: string): Promise<string> {
  server = createServer((_, response) => {
    served += 1;
    setTimeout(() => response.end(body), 50);
  });
  await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/opa`;
}

describe('resolveOpa', () => {
  const cacheDir = (): string => join(folder, 'cache');

  it('takes the one that OPA names before the one in PATH', async () => {
    const named = await fake('named/opa', OPA_VERSION);
    await fake('bin/opa', OPA_VERSION);
    const env = { OPA: named, PATH: join(folder, 'bin') };
    expect(await resolveOpa({ env, cacheDir: cacheDir(), report })).toBe(named);
  });

  it('passes over one of another version, and goes on looking', async () => {
    const env = { OPA: await fake('named/opa', '1.0.0'), PATH: `${join(folder, 'old')}:${join(folder, 'bin')}` };
    await fake('old/opa', '0.9.0');
    const right = await fake('bin/opa', OPA_VERSION);
    expect(await resolveOpa({ env, cacheDir: cacheDir(), report })).toBe(right);
  });

  it('says what it tried and what to install where nothing works', async () => {
    const env = { OPA: await fake('named/opa', '1.0.0'), PATH: join(folder, 'empty') };
    await expect(resolveOpa({ env, cacheDir: cacheDir(), report, releases: {} })).rejects.toMatchObject({
      code: 'opa_missing',
      message: expect.stringMatching(/named\/opa is version 1\.0\.0.*go build.*no release is pinned/),
      details: { install: expect.stringContaining('Go 1.26') },
    });
  });

  it('downloads a release with the pinned sum once, for two that ask at a time, and then finds it in the cache', async () => {
    const url = await release(script(OPA_VERSION));
    const lines: string[] = [];
    const options = {
      env: { PATH: join(folder, 'empty') },
      cacheDir: cacheDir(),
      report: (line: string) => void lines.push(line),
      releases: { [platform]: { url, sha256: sha256(script(OPA_VERSION)) } },
    };
    const [one, two] = await Promise.all([resolveOpa(options), resolveOpa(options)]);
    expect(one).toBe(two);
    expect(await resolveOpa({ ...options, ways: ['cache'] })).toBe(one);
    expect(served).toBe(1);
    expect(lines).toEqual([expect.stringContaining(url)]);
    expect(await readdir(cacheDir())).toEqual([expect.stringMatching(/^opa-1\.22\.2-/)]);
  });

  it('keeps nothing of a release whose bytes have another sum', async () => {
    const url = await release(`${script(OPA_VERSION)}# more\n`);
    const releases = { [platform]: { url, sha256: sha256(script(OPA_VERSION)) } };
    const options = { env: { PATH: '' }, cacheDir: cacheDir(), report, releases };
    await expect(resolveOpa(options)).rejects.toMatchObject({
      code: 'opa_missing',
      message: expect.stringContaining('has SHA-256'),
    });
    expect(await readdir(cacheDir())).toEqual([]);
  });

  it('keeps nothing of a release that is not the version it should be', async () => {
    const url = await release(script('1.22.1'));
    const releases = { [platform]: { url, sha256: sha256(script('1.22.1')) } };
    const options = { env: { PATH: '' }, cacheDir: cacheDir(), report, releases };
    await expect(resolveOpa(options)).rejects.toMatchObject({
      code: 'opa_missing',
      message: expect.stringContaining('1.22.1'),
    });
    expect(await readdir(cacheDir())).toEqual([]);
  });

  it('does not trust a cached file of another version', async () => {
    const right = await fake(`cache/opa-${OPA_VERSION}-${platform}`, '1.0.0');
    const url = await release(script(OPA_VERSION));
    const releases = { [platform]: { url, sha256: sha256(script(OPA_VERSION)) } };
    expect(await resolveOpa({ env: { PATH: '' }, cacheDir: cacheDir(), report, releases })).toBe(right);
    expect(served).toBe(1);
  });
});
