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

/** Runs a statement outside of any transaction. */
async function administer(sql: string, url = clusterUrl()): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}

export const createDatabase = (name: string, template: string = TEMPLATE): Promise<void> =>
  administer(`CREATE DATABASE ${name} TEMPLATE ${template}`);

/** Empties the tables that have rows, which takes a hundredth of the time in which a database is made. */
const EMPTYING = `CREATE FUNCTION empty_tables() RETURNS void LANGUAGE plpgsql AS $$
DECLARE name text; filled boolean;
BEGIN
  SET LOCAL session_replication_role = replica;
  FOR name IN SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace AND relname NOT LIKE 'kysely%' AND relname <> 'identity_epoch' LOOP
    EXECUTE format('SELECT EXISTS (SELECT FROM %I)', name) INTO filled;
    IF filled THEN EXECUTE format('DELETE FROM %I', name); END IF;
  END LOOP;
  UPDATE identity_epoch SET epoch = 0;
END $$`;
export const prepareTemplate = (): Promise<void> => administer(EMPTYING, urlOf(TEMPLATE));
export const emptyDatabase = (name: string): Promise<void> => administer('SELECT empty_tables()', urlOf(name));

let made = 0;
/** A name that no other test of the run has. */
export function newName(): string {
  made += 1;
  return `test_${process.pid}_${made}`;
}
