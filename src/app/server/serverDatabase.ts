import { existsSync } from 'node:fs';
import { z } from 'zod';
import { rowSealing } from '../../books/ledger/rowSeals.ts';
import type { KeyProvider } from '../../chain/keys/keys.ts';
import { BursarError } from '../../core/errors/base.ts';
import { postgresMigrations } from '../../store/migrations/index.ts';
import { migratePostgres } from '../../store/postgres/migrate.ts';
import { putSetting, settingOf } from '../../store/settings.ts';
import type { Store } from '../../store/store.ts';
import type { Config, DataDir } from './config.ts';
import { openServerBooks } from './eventHead.ts';

/** What all servers of an organisation have in common: the chain, its contracts, and the key that signs the event log. */
const Organisation = z.strictObject({
  chain_id: z.int(),
  usdc: z.string(),
  factory: z.string(),
  registry: z.string().nullable(),
  log_key: z.string().nullable(),
});
type Organisation = z.infer<typeof Organisation>;
const SETTING = 'organisation';

type Parts = { dataDir: DataDir; config: Config; keys: KeyProvider; databaseUrl: string | null };

/**
 * Opens the books that a server works on: the SQLite file of the data directory, or the PostgreSQL database of the URL. Throws
 * `schema_outdated`, `other_organisation`, or what `openServerBooks` does.
 */
export async function openServerDatabase({ dataDir, config, keys, databaseUrl }: Parts): Promise<Store> {
  if (databaseUrl === null) return await openServerBooks(dataDir.database);
  if (existsSync(dataDir.database)) {
    throw new BursarError('not_configured', {
      message: `${dataDir.database} holds books already, and DATABASE_URL names another database. Unset DATABASE_URL, or move the file's books there and then the file away.`,
    });
  }
  const store = await openServerBooks(dataDir.database, databaseUrl);
  try {
    await claimDatabase(store, await organisationOf(config, keys));
  } catch (error) {
    await store.close();
    throw error;
  }
  return store;
}

/** Applies the migrations that a PostgreSQL database lacks; their names. */
export const migrateDatabase = (url: string): Promise<string[]> =>
  migratePostgres(url, postgresMigrations, rowSealing());

async function organisationOf({ chain }: Config, keys: KeyProvider): Promise<Organisation> {
  const signer = await keys.logSigner?.();
  return {
    chain_id: chain.id,
    usdc: chain.usdc,
    factory: chain.factory,
    registry: chain.registry,
    log_key: signer ? Buffer.from(signer.publicKey).toString('hex') : null,
  };
}

/** The first server writes whose database it is; a server with another chain, other contracts or other keys is refused. */
async function claimDatabase(store: Store, ours: Organisation): Promise<void> {
  const known = await store.read((tx) => settingOf(tx, SETTING));
  if (known === undefined) {
    await store.write(async (tx) => {
      const first = await settingOf(tx, SETTING);
      if (first === undefined) await putSetting(tx, SETTING, JSON.stringify(ours));
    });
  }
  const stored = Organisation.parse(JSON.parse((await store.read((tx) => settingOf(tx, SETTING))) ?? '{}'));
  const fields = Organisation.keyof().options.filter((field) => stored[field] !== ours[field]);
  if (fields.length === 0) return;
  throw new BursarError('other_organisation', {
    message: `The database belongs to another organisation: another ${fields.join(', ')} than that of this data directory.`,
    details: { fields },
  });
}
