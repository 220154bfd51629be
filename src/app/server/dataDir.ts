import { chmodSync, existsSync, lstatSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { type DataDir, dataDirAt } from './config.ts';

/** The files that Bursar itself writes; others in the directory are left alone. */
const OURS =
  /^(config\.json|passphrase|operator\.key|server\.json|bursar(-\w+|\.lock)?|bursar\.sqlite.*|manifest\.json|checkpoints|chain\.json.*)$/;

/**
 * Makes the data directory, accessible only to its owner: the directory 0700, its files 0600, including files of other programs.
 */
export function prepareDataDir(dir: string): DataDir {
  const dataDir = dataDirAt(dir);
  process.umask(0o077);
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const hasKeys = existsSync(dataDir.keystore);
  for (const folder of hasKeys ? [dir, dataDir.keystore] : []) chmodSync(folder, 0o700);
  const keys = hasKeys ? readdirSync(dataDir.keystore).map((name) => join(dataDir.keystore, name)) : [];
  const own = readdirSync(dir).filter((name) => OURS.test(name));
  for (const path of [...own.map((name) => join(dir, name)), ...keys]) {
    if (lstatSync(path).isFile()) chmodSync(path, 0o600);
  }
  return dataDir;
}

/** The file in which the first start leaves the operator's API key. */
export const operatorKeyFile = (dataDir: DataDir): string => join(dataDir.dir, 'operator.key');
