import { chmodSync, existsSync, lstatSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { type DataDir, dataDirAt } from './config.ts';

/** What Bursar itself puts into the folder; anything else in there is left alone. */
const OURS =
  /^(config\.json|passphrase|operator\.key|server\.json|bursar(-\w+|\.lock)?|bursar\.sqlite.*|manifest\.json|checkpoints|chain\.json.*)$/;

/** Makes the data folder, and keeps it to its owner: the folder 0700, its files 0600, those that other programs wrote too. */
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

/** Where the first start leaves the operator's API key. */
export const operatorKeyFile = (dataDir: DataDir): string => join(dataDir.dir, 'operator.key');
