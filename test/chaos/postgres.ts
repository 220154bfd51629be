import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import pg from 'pg';
import { startCluster } from '../../src/store/postgres/cluster.ts';
import { openPair } from './postgresPair.ts';

const run = promisify(execFile);
const CLI = fileURLToPath(new URL('../../src/app/cli/bursar.mjs', import.meta.url));

/** A PostgreSQL with an up-to-date schema, behind an address that stays when another one takes over. */
export type ChaosDatabase = {
  url: string;
  /** Kills the primary and promotes its standby, where there is one. */
  failOver?: () => Promise<void>;
  close(): Promise<void>;
};

export async function openPostgres(withStandby: boolean): Promise<ChaosDatabase> {
  const server = withStandby ? await openPair() : await openOne();
  try {
    await administer(server.url('postgres'), 'CREATE DATABASE bursar');
    const url = server.url('bursar');
    await run(process.execPath, [CLI, 'migrate'], { env: { PATH: process.env.PATH, DATABASE_URL: url } });
    return { ...server, url };
  } catch (error) {
    await server.close();
    throw error;
  }
}

async function openOne(): Promise<{ url: (database: string) => string; close: () => Promise<void> }> {
  // Beside the folder of the world, which only its owner can enter: PostgreSQL does not run as root.
  const folder = mkdtempSync(join(tmpdir(), 'bursar-pg-'));
  const { url, stop } = await startCluster({ folder, searchPath: process.env.PATH ?? '' });
  return {
    url,
    close: async () => {
      await stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function administer(url: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}
