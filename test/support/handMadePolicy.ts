import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { BUNDLE_FORMAT, writeBundle } from '../../src/decide/policy/bundle.ts';
import { resolveOpa } from '../../src/decide/policy/opa.ts';
import { fileOfTarGz } from '../../src/decide/policy/tar.ts';

const run = promisify(execFile);
const manifest = { opa: '1.22.2', entrypoints: ['bursar/decision', 'bursar/meters'] };

export const bundleOf = (wasm: Uint8Array): string =>
  writeBundle({
    format: BUNDLE_FORMAT,
    manifest,
    files: { 'data.yaml': 'settings:' },
    data: { settings: null, amounts: {} },
    wasm: Buffer.from(wasm).toString('base64'),
  });

/** A bundle of any Rego at all, past the checks of our compiler: what an attacker or a bug might hand over. */
export async function handMade(rego: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'bursar-handmade-'));
  try {
    await writeFile(join(folder, 'p.rego'), `package bursar\n\n${rego}\n`);
    const entrypoints = ['decision', 'meters']
      .filter((name) => rego.includes(name))
      .flatMap((name) => ['-e', `bursar/${name}`]);
    await run(await resolveOpa(), ['build', '-t', 'wasm', ...entrypoints, '-o', 'b.tar.gz', 'p.rego'], { cwd: folder });
    const wasm = fileOfTarGz(await readFile(join(folder, 'b.tar.gz')), '/policy.wasm');
    return bundleOf(wasm ?? new Uint8Array());
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
