import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { openBooks } from '../../books/ledger/rowSeals.ts';
import { markRestored } from '../../control/recovery/restored.ts';
import { BursarError } from '../../core/errors/base.ts';
import { checkDatabase, copyDatabase, sha256OfFile } from '../../store/backup.ts';
import { headFileOf } from '../../store/headFile.ts';
import { type DataDir, dataDirAt, readConfig } from './config.ts';
import { prepareDataDir } from './dataDir.ts';
import { lockDataDir } from './dataDirLock.ts';

/** `manifest.json` of a backup folder. `wallets`: so that an owner finds the money with this file alone. */
const Manifest = z.object({
  format: z.literal('bursar-backup-1'),
  bursar: z.string(),
  made_at: z.iso.datetime(),
  chain_id: z.int(),
  database_sha256: z.string(),
  wallets: z.array(z.object({ agent: z.string(), address: z.string() })),
});
export type Manifest = z.infer<typeof Manifest>;

/**
 * Copies a data directory into a new folder, also while it is served: a consistent database, the configuration, and the encrypted
 * keystore. The passphrase and the operator's key are left out. Throws `conflict` if the folder is not empty.
 */
export async function backUpDataDir(dataDir: DataDir, folder: string, version: string): Promise<Manifest> {
  const config = readConfig(dataDir);
  if (!config || !existsSync(dataDir.database)) {
    throw new BursarError('not_configured', { message: `There is no data directory in ${dataDir.dir}.` });
  }
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  if (readdirSync(folder).length > 0)
    throw new BursarError('conflict', { message: `${folder} is not empty: name a new folder.` });
  const madeAt = new Date().toISOString();
  const target = dataDirAt(folder);
  // Before the database, so that no head in the copy is newer than its events.
  if (existsSync(dataDir.checkpoints)) copyFileSync(dataDir.checkpoints, target.checkpoints);
  await copyDatabase(dataDir.database, target.database);
  for (const name of ['config', 'keystore'] as const) {
    if (existsSync(dataDir[name])) cpSync(dataDir[name], target[name], { recursive: true });
  }
  const manifest: Manifest = {
    format: 'bursar-backup-1',
    bursar: version,
    made_at: madeAt,
    chain_id: config.chain.id,
    database_sha256: await sha256OfFile(target.database),
    wallets: checkDatabase(target.database).wallets,
  };
  writeFileSync(join(folder, 'manifest.json'), `${JSON.stringify(manifest, null, 2)}\n`, { mode: 0o600 });
  prepareDataDir(folder);
  return manifest;
}

/**
 * Puts a backup's database into a data directory that no server uses; the old database is kept beside it. Configuration and
 * keystore are copied only if there are none. Every agent is then frozen: see `markRestored`. Throws `conflict`, `storage_in_use`,
 * `storage_failed`.
 */
export async function restoreHome(
  folder: string,
  dir: string,
  options: { replace: boolean },
): Promise<{ manifest: Manifest; frozen: string[]; kept: string | null }> {
  const from = dataDirAt(folder);
  const manifest = await readManifest(folder);
  const dataDir = prepareDataDir(dir);
  const lock = lockDataDir(dataDir);
  try {
    const config = readConfig(dataDir);
    if (config && config.chain.id !== manifest.chain_id) {
      throw new BursarError('conflict', {
        message: `The data directory is for chain ${config.chain.id}, the backup for chain ${manifest.chain_id}.`,
      });
    }
    if (existsSync(dataDir.database) && !options.replace) {
      throw new BursarError('conflict', {
        message: `${dataDir.database} is there already. Say --replace to put it aside.`,
      });
    }
    const draft = `${dataDir.database}.restoring`;
    rmSync(draft, { force: true });
    copyFileSync(from.database, draft);
    checkDatabase(draft);
    const kept = putAside(dataDir);
    renameSync(draft, dataDir.database);
    for (const name of ['config', 'keystore', 'checkpoints'] as const) {
      if (!existsSync(dataDir[name]) && existsSync(from[name])) cpSync(from[name], dataDir[name], { recursive: true });
    }
    prepareDataDir(dir);
    const store = await openBooks(dataDir.database);
    try {
      const { frozen } = await store.write((tx) => markRestored(tx, manifest.made_at, Date.now()));
      return { manifest, frozen, kept };
    } finally {
      await store.close();
    }
  } finally {
    await lock.release();
  }
}

async function readManifest(folder: string): Promise<Manifest> {
  const path = join(folder, 'manifest.json');
  if (!existsSync(path))
    throw new BursarError('invalid_request', { message: `${folder} is no backup: no manifest.json.` });
  const parsed = Manifest.safeParse(JSON.parse(readFileSync(path, 'utf8')));
  if (!parsed.success) throw new BursarError('invalid_request', { message: `${path} is not readable.` });
  if ((await sha256OfFile(dataDirAt(folder).database)) !== parsed.data.database_sha256) {
    throw new BursarError('storage_failed', { message: 'The backup was changed since it was made: its hash differs.' });
  }
  return parsed.data;
}

/** With its write-ahead log and its event head, which belong to it. Null if there was none. */
function putAside(dataDir: DataDir): string | null {
  if (![dataDir.database, headFileOf(dataDir.database)].some(existsSync)) return null;
  const kept = `${dataDir.database}.replaced-${new Date().toISOString().replaceAll(/[:.]/g, '-')}`;
  for (const end of ['', '-wal', '-shm', '.head']) {
    if (existsSync(`${dataDir.database}${end}`)) renameSync(`${dataDir.database}${end}`, `${kept}${end}`);
  }
  return kept;
}
