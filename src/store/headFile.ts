import { existsSync, readFileSync } from 'node:fs';
import { open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';
import { BursarError } from '../core/errors/base.ts';

/** An event of the log that is known to be on disk. A database that ends before it has lost events. */
export type EventHead = { seq: number; hash: string };
const EventHead = z.strictObject({ seq: z.int().min(1), hash: z.string().regex(/^[0-9a-f]{64}$/) });

/** Stored outside the database and its write-ahead log, so that damage to those does not affect it. */
export const headFileOf = (databasePath: string): string => `${databasePath}.head`;

/** Null if there is no file. Throws `database_damaged` if it is unreadable. */
export function readHeadFile(databasePath: string): EventHead | null {
  const path = headFileOf(databasePath);
  if (!existsSync(path)) return null;
  const head = EventHead.safeParse(parsed(readFileSync(path, 'utf8')));
  if (head.success) return head.data;
  throw new BursarError('database_damaged', {
    message: `${path} holds no event head. If the database itself is whole (bursar ledger check), move that file aside.`,
  });
}

/** Replaces the file atomically: the new content is on disk before it gets the name. */
export async function writeHeadFile(databasePath: string, head: EventHead): Promise<void> {
  const path = headFileOf(databasePath);
  const draft = await open(`${path}.new`, 'w', 0o600);
  try {
    await draft.writeFile(`${JSON.stringify(head)}\n`);
    await draft.sync();
  } finally {
    await draft.close();
  }
  await rename(`${path}.new`, path);
  const folder = await open(dirname(path), 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
