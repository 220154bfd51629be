import { createHash } from 'node:crypto';
import Database from 'better-sqlite3';
import { expect, it } from 'vitest';
import { migrations } from './index.ts';

/**
 * A database that is in use never runs its migrations again, so a change to one reaches only new databases.
 * What a migration makes is known here by its digest; one that others may have run is changed by a further migration.
 */
const made = new Map([['0001_initial', '80479b36952e9304c46b194c00d3be22a68b429aa9da3c1cd3af79094bf3f863']]);

it.each([...made])('%s makes the schema that it has always made', (name, digest) => {
  const database = new Database(':memory:');
  try {
    for (const { name: each, sql } of migrations) {
      database.exec(sql);
      if (each === name) break;
    }
    const schema = database.prepare('SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY type, name').all();
    expect(createHash('sha256').update(JSON.stringify(schema)).digest('hex')).toBe(digest);
  } finally {
    database.close();
  }
});
