import { initial as initialOnPostgres } from './postgres/0001_initial.ts';
import { initial } from './sqlite/0001_initial.ts';
import { sales } from './sqlite/sales.ts';

/** One step of the schema: SQL text with one or more statements. */
export type Migration = { name: string; sql: string };

/**
 * Migrations run forward only, in the order of their names. A released migration is frozen: it imports nothing that can change, so
 * the lists of its constraints are literal text.
 */
export const migrations: readonly Migration[] = [{ name: '0001_initial', sql: initial }];

/** The same steps for PostgreSQL, under the same names. `schemas.postgres.test.ts` compares what they make. */
export const postgresMigrations: readonly Migration[] = [{ name: '0001_initial', sql: initialOnPostgres }];

/** The migrations of a seller's file of sales (`durableSales`), which has no other tables. */
export const salesMigrations: readonly Migration[] = [{ name: '0001_sales', sql: sales }];
