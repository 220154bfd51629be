import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { BursarError } from '../../core/errors/base.ts';
import { BUNDLE_FORMAT, withAmounts, writeBundle } from './bundle.ts';
import { checkControl } from './checkControl.ts';
import { checkData } from './checkData.ts';
import { controlNames, controlSchema, controlsSchema, regoFileOf } from './controlSchema.ts';
import { DECISION_ENTRYPOINT, loadPolicy, METERS_ENTRYPOINT, ROUTE_ENTRYPOINT } from './loadPolicy.ts';
import { OPA_VERSION, type OpaOptions, resolveOpa } from './opa.ts';
import { failure, POLICIES, type PolicySources, readBursarSources, readSources } from './sources.ts';
import { fileOfTarGz } from './tar.ts';

const run = promisify(execFile);
const OPA_LIMIT_MS = 60_000;
/** Only for `opa check`; not in the bundle. */
const ANNOTATION = 'setting_schemas.rego';
const ENTRYPOINTS = [DECISION_ENTRYPOINT, METERS_ENTRYPOINT, ROUTE_ENTRYPOINT];

/**
 * Compiles an operator's directory (data.yaml, and its own `controls/` if there are any) on top of Bursar's library and controls,
 * to the text of a bundle that has been loaded once. The same sources give the same text. Throws `policy_compile_failed`
 * (`details.errors`: file, line, message), `opa_missing`, `policy_invalid`, `policy_too_slow`.
 */
export async function compilePolicyDirectory(dir: string, options: OpaOptions = {}): Promise<string> {
  return await compilePolicy(await readSources(dir), options);
}

/** As `compilePolicyDirectory`, for sources in memory. */
export async function compilePolicy(sources: PolicySources, options: OpaOptions = {}): Promise<string> {
  const data = checkData(sources);
  const opa = await resolveOpa(options);
  const folder = await mkdtemp(join(tmpdir(), 'bursar-policy-'));
  try {
    const wasm = await buildWasm(opa, folder, sources);
    const text = writeBundle({
      format: BUNDLE_FORMAT,
      manifest: { opa: OPA_VERSION, entrypoints: ENTRYPOINTS },
      files: sources,
      data: withAmounts(data),
      wasm: Buffer.from(wasm).toString('base64'),
    });
    await loadPolicy(text);
    return text;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Paths stay relative to the folder, so that the module has no path of this machine. */
async function buildWasm(opa: string, folder: string, sources: PolicySources): Promise<Uint8Array> {
  const rego = Object.keys(sources).filter((path) => path.endsWith('.rego'));
  for (const path of rego.sort()) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), sources[path] ?? '');
  }
  const call = async (...args: string[]): Promise<string> => await callOpa(opa, folder, args);
  const capabilities = ['--capabilities', join(POLICIES, 'capabilities.json')];

  // Parsing errors first: `fmt` and `parse` give no line for them.
  const input = ['--schema', join(POLICIES, 'schemas', 'input.json')];
  await call('check', '--strict', '--format', 'json', ...input, ...capabilities, ...rego);
  for (const name of await ownControls(sources)) {
    const tree = await call('parse', '--format', 'json', '--json-include', 'locations', regoFileOf(name));
    checkControl(name, JSON.parse(tree), (control) => controlSchema(sources, control));
  }
  await writeSettingSchemas(folder, sources);
  await call('check', '--strict', '--format', 'json', '--schema', 'schemas', ...capabilities, ...rego, ANNOTATION);
  const unformatted = (await call('fmt', '--list', ...rego)).trim();
  if (unformatted !== '') {
    throw failure('The file is not formatted; run `opa fmt --write` on it.', unformatted.split('\n')[0] ?? '');
  }
  const entrypoints = ENTRYPOINTS.flatMap((name) => ['--entrypoint', name]);
  await call('build', '--target', 'wasm', ...entrypoints, ...capabilities, '--output', 'bundle.tar.gz', ...rego);
  const wasm = fileOfTarGz(await readFile(join(folder, 'bundle.tar.gz')), '/policy.wasm');
  if (wasm === null) throw new BursarError('policy_compile_failed', { message: 'opa built no WebAssembly.' });
  return wasm;
}

/** The operator's controls; Bursar's own are checked by their tests. */
async function ownControls(sources: PolicySources): Promise<string[]> {
  const bursar = await readBursarSources();
  return controlNames(sources).filter((name) => bursar[regoFileOf(name)] !== sources[regoFileOf(name)]);
}

/** Types `data.controls` and `data.settings` in every package below `bursar`, so that opa checks them through rules. */
async function writeSettingSchemas(folder: string, sources: PolicySources): Promise<void> {
  await mkdir(join(folder, 'schemas'), { recursive: true });
  const put = (path: string, text: string): Promise<void> => writeFile(join(folder, path), text);
  for (const file of ['schemas/input.json', 'schemas/settings.json']) {
    await put(file, await readFile(join(POLICIES, file), 'utf8'));
  }
  await put('schemas/controls.json', JSON.stringify(controlsSchema(sources)));
  await put(
    ANNOTATION,
    `# METADATA
# scope: subpackages
# schemas:
#   - data.controls: schema.controls
#   - data.settings: schema.settings
package bursar
`,
  );
}

async function callOpa(opa: string, cwd: string, args: string[]): Promise<string> {
  try {
    const { stdout } = await run(opa, args, { cwd, timeout: OPA_LIMIT_MS, maxBuffer: 16 * 1024 * 1024 });
    return stdout;
  } catch (cause) {
    const { stdout, stderr } = cause as { stdout?: string; stderr?: string };
    throw compileFailure(stderr || stdout || String(cause), cause);
  }
}

type Place = { file: string; line: number; message: string };

/** `opa check --format json` gives positions; the other commands write `file:line: message`. */
function compileFailure(output: string, cause: unknown): BursarError {
  const errors = placesOfJson(output) ?? placesOfText(output);
  const [first] = errors;
  const message = first ? `${first.file}:${first.line}: ${first.message}` : output.trim().slice(0, 500);
  return new BursarError('policy_compile_failed', { message, details: { errors }, cause });
}

function placesOfJson(output: string): Place[] | null {
  try {
    const { errors } = JSON.parse(output) as {
      errors: { message: string; location?: { file: string; row: number } }[];
    };
    return errors.map(({ message, location }) => ({ file: location?.file ?? '', line: location?.row ?? 0, message }));
  } catch {
    return null;
  }
}

function placesOfText(output: string): Place[] {
  return [...output.matchAll(/(\S+\.rego):(\d+): (.+)/g)].map(([, file = '', line = '', message = '']) => ({
    file,
    line: Number(line),
    message,
  }));
}
