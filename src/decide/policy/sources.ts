import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BursarError } from '../../core/errors/base.ts';
import { root } from '../../core/root.ts';
import { decodeUtf8 } from '../../core/text/json.ts';
import { DATA_FILE } from './bundle.ts';

/** `policies/` of this project. */
export const POLICIES = join(root, 'policies');

/** Text by path, as in a bundle: `lib/*.rego`, `controls/<name>/<name>.rego` with its `schema.json`, `data.yaml`. */
export type PolicySources = Record<string, string>;

const CONTROL = /^controls\/([a-z][a-z0-9_]{0,39})\/([a-z][a-z0-9_]{0,39})\.rego$/;
/** The JSON Schema of a control's settings, beside its Rego. */
const SCHEMA = /^controls\/([a-z][a-z0-9_]{0,39})\/schema\.json$/;
const MAX_FILE_CHARS = 1024 * 1024;
const MAX_FILES = 500;

/**
 * The sources for an operator's directory: Bursar's library and controls, then the directory's own controls and its data.yaml.
 * Throws `policy_compile_failed` if the directory has other sources.
 */
export async function readSources(dir: string): Promise<PolicySources> {
  const bursar = await readBursarSources();
  const own: PolicySources = { ...(await readFolder(dir, 'controls')), [DATA_FILE]: await readText(dir, DATA_FILE) };
  for (const [path, text] of Object.entries(own)) {
    if (path === DATA_FILE) continue;
    if (SCHEMA.test(path)) {
      const rego = path.replace(SCHEMA, 'controls/$1/$1.rego');
      if (own[rego] === undefined) throw failure(`There is no ${rego} beside it.`, path);
    } else checkOwnControl(path, text);
    if (bursar[path] !== undefined) {
      if (bursar[path] === text) continue;
      throw failure('Bursar has a control of that name; give yours another.', path);
    }
  }
  return { ...bursar, ...own };
}

/** Bursar's library and controls, without their tests. */
export async function readBursarSources(): Promise<PolicySources> {
  return { ...(await readFolder(POLICIES, 'controls')), ...(await readFolder(POLICIES, 'lib')) };
}

/**
 * Rego merges files of one package, and rules of one name are ORed. So a control is one file, and its package equals its path:
 * otherwise another file could extend `data.bursar.decision` itself.
 */
function checkOwnControl(path: string, text: string): void {
  const [, folder, file] = CONTROL.exec(path) ?? [];
  if (folder === undefined || folder !== file) {
    throw failure('A control is one file, controls/<name>/<name>.rego; names are a-z, 0-9 and _.', path);
  }
  const declared = /^\s*package[ \t]+(\S+)/m.exec(text)?.[1];
  if (declared !== `bursar.controls.${folder}`) {
    throw failure(`The package must be bursar.controls.${folder}, not ${declared ?? 'missing'}.`, path);
  }
}

function isSource(path: string): boolean {
  return SCHEMA.test(path) || (path.endsWith('.rego') && !path.endsWith('_test.rego'));
}

/** The Rego and the schemas of a folder, without tests; empty if there is no such folder. */
async function readFolder(dir: string, folder: string): Promise<PolicySources> {
  const entries = await readdir(join(dir, folder), { recursive: true }).catch(() => []);
  const paths = entries.map((path) => `${folder}/${path.replaceAll('\\', '/')}`).filter(isSource);
  if (paths.length > MAX_FILES) throw failure(`There are more than ${MAX_FILES} files.`, folder);
  const sources: PolicySources = {};
  for (const path of paths.sort()) sources[path] = await readText(dir, path);
  return sources;
}

async function readText(dir: string, path: string): Promise<string> {
  const bytes = await readFile(join(dir, path)).catch((cause) => {
    throw failure(`The file cannot be read in ${dir}.`, path, undefined, cause);
  });
  const text = utf8(bytes, path);
  if (text.length > MAX_FILE_CHARS) throw failure(`The file is longer than ${MAX_FILE_CHARS} characters.`, path);
  // The digest must not depend on how git checks a file out.
  return text.replaceAll('\r\n', '\n');
}

function utf8(bytes: Uint8Array, path: string): string {
  try {
    return decodeUtf8(bytes);
  } catch (cause) {
    throw failure('The file is not UTF-8.', path, undefined, cause);
  }
}

/** A `policy_compile_failed` about one place of one file. */
export function failure(message: string, file: string, line?: number, cause?: unknown): BursarError {
  return new BursarError('policy_compile_failed', {
    message: `${file}${line === undefined ? '' : `:${line}`}: ${message}`,
    details: { errors: [{ file, ...(line === undefined ? {} : { line }), message }] },
    ...(cause === undefined ? {} : { cause }),
  });
}
