import { execFile } from 'node:child_process';
import { access, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import { controlSettings } from './data.ts';
import { resolveOpa } from './opa.ts';
import { probe } from './probe.ts';
import { POLICIES, readBursarSources } from './sources.ts';
import { fileOfTarGz } from './tar.ts';

const run = promisify(execFile);
const require = createRequire(import.meta.url);
const controls = (await readdir(join(POLICIES, 'controls'))).sort();
type Builtin = { name: string; decl: { args?: unknown[] } };
const readBuiltins = async (path: string): Promise<Builtin[]> => JSON.parse(await readFile(path, 'utf8')).builtins;
const allowed = await readBuiltins(join(POLICIES, 'capabilities.json'));

/** A first run may have to build opa. */
beforeAll(async () => {
  await resolveOpa();
}, 900_000);

describe('the Rego', () => {
  it('passes its tests, which cover it to 100 %', async () => {
    const opa = await resolveOpa();
    const plain = await run(opa, ['test', '--format', 'json', 'lib', 'controls'], { cwd: POLICIES });
    expect(JSON.parse(plain.stdout).length).toBeGreaterThan(100);
    const { stdout } = await run(opa, ['test', '--coverage', 'lib', 'controls'], { cwd: POLICIES, maxBuffer: 2 ** 24 });
    expect(JSON.parse(stdout).coverage).toBe(100);
  }, 120_000);

  it('is formatted, its tests too', async () => {
    const { stdout } = await run(await resolveOpa(), ['fmt', '--list', 'lib', 'controls'], { cwd: POLICIES });
    expect(stdout).toBe('');
  });

  it.each(controls)('%s has its test, its fixtures and a title beside it', async (name) => {
    await access(join(POLICIES, 'controls', name, `${name}_test.rego`));
    await access(join(POLICIES, 'controls', name, 'fixtures.jsonl'));
    const rego = (await readBursarSources())[`controls/${name}/${name}.rego`];
    expect(rego).toMatch(
      new RegExp(`^# METADATA\\n# title: .+\\n# description: [\\s\\S]+\\npackage bursar\\.controls\\.${name}\\n`),
    );
  });

  it('has settings that data.yaml is checked for, in every control that reads some', async () => {
    const sources = await readBursarSources();
    const reading = controls.filter((name) =>
      sources[`controls/${name}/${name}.rego`]?.includes(`data.controls.${name}`),
    );
    expect(controlSettings().map(([name]) => name)).toEqual(reading);
  });

  it('has no name twice in the tests of a file', async () => {
    for (const path of await readdir(POLICIES, { recursive: true })) {
      if (!path.endsWith('_test.rego')) continue;
      const names = [...(await readFile(join(POLICIES, path), 'utf8')).matchAll(/^test_\w+/gm)].map(([name]) => name);
      expect(new Set(names).size, path).toBe(names.length);
    }
  });
});

describe('capabilities.json', () => {
  it('holds only what the npm runtime promises, and nothing that draws lots or asks a clock', async () => {
    const runtime = require.resolve('@open-policy-agent/opa-wasm');
    const promised = new Set(
      (await readBuiltins(join(runtime, '..', '..', 'capabilities.json'))).map(({ name }) => name),
    );
    expect(allowed.filter(({ name }) => !promised.has(name))).toEqual([]);
    expect(
      allowed.filter(({ name }) => /rand|time|http|opa\.runtime|uuid|trace|print|sprintf|yaml/.test(name)),
    ).toEqual([]);
  });

  it('holds only what runs inside the WebAssembly, so that no version of a host can change an answer', async () => {
    // Infix and internal ones are written as operators; they are native, or the library would not run.
    const callable = allowed.filter(
      ({ name }) => !/^(internal\.|assign$|eq$|and$|or$|plus$|minus$|mul$|div$|rem$)/.test(name),
    );
    const calls = callable.map(({ name, decl }) => {
      const args = (decl.args ?? []).map((_, index) => `input.a${index}`).join(', ');
      return `\t${name}(${args}) == input.result`;
    });
    const rego = `package bursar\n\ndecision if {\n${calls.join('\n')}\n}\n`;
    const folder = await mkdtemp(join(tmpdir(), 'bursar-capabilities-'));
    try {
      await writeFile(join(folder, 'all.rego'), rego);
      const args = ['build', '-t', 'wasm', '-e', 'bursar/decision', '-o', 'b.tar.gz', 'all.rego'];
      await run(await resolveOpa(), [...args, '--capabilities', join(POLICIES, 'capabilities.json')], { cwd: folder });
      const wasm = fileOfTarGz(await readFile(join(folder, 'b.tar.gz')), '/policy.wasm');
      expect((await probe(wasm ?? new Uint8Array(), {}, {})).hostBuiltins).toEqual([]);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
    expect(calls.length).toBeGreaterThan(70);
  });
});
