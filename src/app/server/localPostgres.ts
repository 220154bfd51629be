import { createHash } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { allVariables } from '../../core/environment/environment.ts';
import { createDatabase, startCluster } from '../../store/postgres/cluster.ts';
import type { DataDir } from './config.ts';
import { migrateDatabase } from './serverDatabase.ts';

/** A PostgreSQL for trying it: started with the server, and ended with it. */
export type LocalPostgres = { url: string; stop(): Promise<void> };

const DATABASE = 'bursar';

/** Starts PostgreSQL on a folder of the data directory, with a database whose schema is up to date. Throws `not_configured`. */
export async function startLocalPostgres(dataDir: DataDir, say: (line: string) => void): Promise<LocalPostgres> {
  const folder = folderFor(dataDir.dir);
  say(`Starting PostgreSQL in ${folder}`);
  const cluster = await startCluster({ folder, searchPath: allVariables().PATH ?? '' });
  try {
    await createDatabase(cluster.url('postgres'), DATABASE);
    const url = cluster.url(DATABASE);
    const applied = await migrateDatabase(url);
    if (applied.length > 0) say(`Applied ${applied.join(', ')}`);
    return { url, stop: cluster.stop };
  } catch (error) {
    await cluster.stop();
    throw error;
  }
}

/** Root starts PostgreSQL as another user, who cannot enter the data directory: it then lies in the system's temporary folder. */
function folderFor(dir: string): string {
  if (process.geteuid?.() !== 0) return join(resolve(dir), 'postgres');
  return join(tmpdir(), `bursar-postgres-${createHash('sha256').update(resolve(dir)).digest('hex').slice(0, 12)}`);
}
