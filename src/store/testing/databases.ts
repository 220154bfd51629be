import pg from 'pg';
import { allVariables } from '../../core/environment/environment.ts';

/** The URL of the PostgreSQL that a test run has started; not set in a run on SQLite. */
export const CLUSTER_VARIABLE = 'BURSAR_TEST_CLUSTER';
/** The database with the schema, which those of tests are copied from. */
export const TEMPLATE = 'bursar_template';

const clusterUrl = (): string | undefined => allVariables()[CLUSTER_VARIABLE];
export const isOnPostgres = (): boolean => clusterUrl() !== undefined;

export function urlOf(database: string): string {
  const url = new URL(clusterUrl() ?? '');
  url.pathname = `/${database}`;
  return url.href;
}

/** Runs a statement outside of any transaction, on the database that nothing else uses. */
async function administer(sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: clusterUrl() });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}

export const createDatabase = (name: string, template: string = TEMPLATE): Promise<void> =>
  administer(`CREATE DATABASE ${name} TEMPLATE ${template}`);
export const dropDatabase = (name: string): Promise<void> => administer(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);

let made = 0;
/** A name that no other test of the run has. */
export function newName(): string {
  made += 1;
  return `test_${process.pid}_${made}`;
}
