import { createHash } from 'node:crypto';
import { openRawFile } from '../../src/store/rawFile.ts';
import { insertInto } from '../../src/store/rows.ts';
import { type Command, type None, statement } from '../../src/store/statement.ts';
import { dropGuards } from '../../src/store/tampering.ts';

/** What an attacker with the database file and the stopped server does: everything that makes the books agree with themselves again. */
export type Rewriting = {
  /** Gives the new body of an event, or null to delete it. Bodies are given parsed. */
  change: (event: Record<string, unknown>) => Record<string, unknown> | null;
  /** Statements beside it, like deleting the payment. */
  also?: readonly Command<None>[];
  /** Also take out every trace of signed heads and anchors. */
  withoutHeads?: boolean;
};

const traces = (['log_anchors', 'log_heads', 'log_tiles'] as const).map((table) =>
  statement()((db) => db.deleteFrom(table)),
);
const wholeLog = statement()((db) => db.selectFrom('events').selectAll().orderBy('seq'));
const emptyLog = statement()((db) => db.deleteFrom('events'));

/** Drops the triggers, rewrites the events, numbers them again, and computes every hash from the start. */
export async function rewriteLog(path: string, { change, also = [], withoutHeads = false }: Rewriting): Promise<void> {
  const file = openRawFile(path);
  const { tx } = file;
  try {
    await dropGuards(tx);
    for (const command of also) await tx.run(command);
    if (withoutHeads) for (const command of traces) await tx.run(command);
    const rows = await tx.all(wholeLog);
    await tx.run(emptyLog);
    const insert = insertInto('events', Object.keys(rows[0] ?? {}));
    let seq = 0;
    let hash = '0'.repeat(64);
    for (const row of rows) {
      const event = JSON.parse(row.body) as Record<string, unknown>;
      if (withoutHeads && row.type.startsWith('log.')) continue;
      const changed = change(event);
      if (changed === null) continue;
      seq += 1;
      const body = JSON.stringify({ ...changed, seq });
      hash = createHash('sha256')
        .update(hash + body)
        .digest('hex');
      await tx.run(insert, { ...row, seq, body, hash });
    }
  } finally {
    file.close();
  }
}
