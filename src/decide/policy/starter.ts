import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DATA_FILE } from './bundle.ts';
import { compilePolicy } from './compile.ts';
import type { OpaOptions } from './opa.ts';
import { policySchemas } from './schemas.ts';
import { POLICIES, readBursarSources } from './sources.ts';

const BUNDLE = join(POLICIES, 'starter', 'bundle.generated.json');

/** The committed starter bundle, so that a first start needs no OPA. */
export async function readStarterBundle(): Promise<string> {
  return await readFile(BUNDLE, 'utf8');
}

/** Compiles the starter policy from its sources. */
export async function compileStarter(options: OpaOptions = {}): Promise<string> {
  const data = await readFile(join(POLICIES, 'starter', DATA_FILE), 'utf8');
  return await compilePolicy({ ...(await readBursarSources()), [DATA_FILE]: data.replaceAll('\r\n', '\n') }, options);
}

/** The generated files of policies/ that differ from their sources; empty if all are current. */
export async function checkStarterDrift(options: OpaOptions = {}): Promise<string[]> {
  const stale = await staleSchemas();
  const bundle = await readStarterBundle().catch(() => '');
  return bundle === (await compileStarter(options)) ? stale : [...stale, 'starter/bundle.generated.json'];
}

/** Writes the generated files: the schemas first, since compiling reads them. */
export async function generatePolicyFiles(options: OpaOptions = {}): Promise<void> {
  for (const [path, text] of Object.entries(policySchemas())) await writeFile(join(POLICIES, path), text);
  await writeFile(BUNDLE, await compileStarter(options));
}

async function staleSchemas(): Promise<string[]> {
  const stale: string[] = [];
  for (const [path, text] of Object.entries(policySchemas())) {
    const committed = await readFile(join(POLICIES, path), 'utf8').catch(() => '');
    if (committed.replaceAll('\r\n', '\n') !== text) stale.push(path);
  }
  return stale;
}
