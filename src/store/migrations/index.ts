import { initial } from './sqlite/0001_initial.ts';
import { sales } from './sqlite/sales.ts';

/** One step of the schema as SQL text, of one statement or more. */
export type Migration = { name: string; sql: string };

/**
 * Forward only, in the order of their names. A released migration is frozen: it imports nothing that can change, so the lists in its
 * constraints stand there as text.
 */
export const migrations: readonly Migration[] = [{ name: '0001_initial', sql: initial }];

/** Of a seller's file of sales (`durableSales`), which has no other tables. */
export const salesMigrations: readonly Migration[] = [{ name: '0001_sales', sql: sales }];
