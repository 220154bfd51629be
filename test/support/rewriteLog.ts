import { createHash } from 'node:crypto';
import Database from 'better-sqlite3';

/** What an attacker with the database file and the stopped server does: everything that makes the books agree with themselves again. */
export type Rewriting = {
  /** Gives the new body of an event, or null to delete it. Bodies are given parsed. */
  change: (event: Record<string, unknown>) => Record<string, unknown> | null;
  /** Statements beside it, like deleting the payment. */
  also?: readonly string[];
  /** Also take out every trace of signed heads and anchors. */
  withoutHeads?: boolean;
};

/** Drops the triggers, rewrites the events, numbers them again, and computes every hash from the start. */
export function rewriteLog(path: string, { change, also = [], withoutHeads = false }: Rewriting): void {
  const database = new Database(path);
  try {
    database.pragma('foreign_keys = OFF');
    for (const { name } of database.prepare("SELECT name FROM sqlite_master WHERE type = 'trigger'").all() as {
      name: string;
    }[]) {
      database.exec(`DROP TRIGGER ${name}`);
    }
    for (const sql of also) database.exec(sql);
    if (withoutHeads) database.exec('DELETE FROM log_anchors; DELETE FROM log_heads; DELETE FROM log_tiles;');
    const rows = database.prepare('SELECT at, type, payment_id, agent_id, body FROM events ORDER BY seq').all() as {
      at: number;
      type: string;
      payment_id: string | null;
      agent_id: string | null;
      body: string;
    }[];
    database.exec('DELETE FROM events');
    const insert = database.prepare(
      'INSERT INTO events (seq, at, type, payment_id, agent_id, body, hash) VALUES (?, ?, ?, ?, ?, ?, ?)',
    );
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
      insert.run(seq, row.at, row.type, row.payment_id, row.agent_id, body, hash);
    }
  } finally {
    database.close();
  }
}
