import { openStore } from '../../store/store.ts';
import type { Answer, Sale, SaleStore } from './sales.ts';

const schema = [
  {
    name: 'sales',
    sql: `CREATE TABLE sales (
  key TEXT PRIMARY KEY,
  identifier TEXT UNIQUE,
  request TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('claimed', 'owed', 'done')),
  until_at INTEGER NOT NULL,
  answer_json TEXT,
  at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sales_by_age ON sales (at);`,
  },
];

type Row = {
  key: string;
  request: string;
  state: 'claimed' | 'owed' | 'done';
  until_at: bigint;
  answer_json: string | null;
};

/** A crash leaves a claim behind; after this it may be taken over. */
const CLAIM_MS = 600_000;
const DAY_MS = 86_400_000;

/** Sales in an SQLite file of their own: they outlive the process. Answers are forgotten after a day, sales after a year. */
export async function durableSales(
  path: string,
  clock: () => number = Date.now,
): Promise<SaleStore & { close(): Promise<void> }> {
  const store = await openStore(path, schema);
  const put = (sale: Sale, state: Row['state'], untilMs: number, answer: Answer | null) =>
    store.write((tx) => {
      tx.run(
        `INSERT OR REPLACE INTO sales (key, identifier, request, state, until_at, answer_json, at) VALUES (?, ?, ?, ?, ?, ?, ?)`,
        sale.key,
        sale.identifier,
        sale.request,
        state,
        untilMs,
        answer === null ? null : toJson(answer),
        clock(),
      );
    });
  return {
    claim: (sale) =>
      store.write((tx) => {
        const holder = tx.get<{ key: string }>('SELECT key FROM sales WHERE identifier = ?', sale.identifier);
        if (holder && holder.key !== sale.key) return { kind: 'conflict' } as const;
        const row = tx.get<Row>('SELECT * FROM sales WHERE key = ?', sale.key);
        if (row && row.request !== sale.request) return { kind: 'conflict' } as const;
        if (row?.state === 'done') {
          return row.answer_json === null
            ? ({ kind: 'gone' } as const)
            : ({ kind: 'answered', answer: fromJson(row.answer_json) } as const);
        }
        if (row?.state === 'claimed' && row.until_at > BigInt(clock())) return { kind: 'busy' } as const;
        tx.run(
          `INSERT OR REPLACE INTO sales (key, identifier, request, state, until_at, answer_json, at)
           VALUES (?, ?, ?, 'claimed', ?, NULL, ?)`,
          sale.key,
          sale.identifier,
          sale.request,
          clock() + CLAIM_MS,
          clock(),
        );
        tx.run('UPDATE sales SET answer_json = NULL WHERE at < ? AND answer_json IS NOT NULL', clock() - DAY_MS);
        tx.run('DELETE FROM sales WHERE at < ?', clock() - 365 * DAY_MS);
        // What was ever served is on file, so whatever the chain shows for a claim that was left behind is owed.
        return { kind: 'new', owed: row !== undefined } as const;
      }),
    finish: (sale, answer) => put(sale, 'done', 0, answer),
    release: (sale, owed) =>
      owed
        ? put(sale, 'owed', 0, null)
        : store.write((tx) => {
            tx.run('DELETE FROM sales WHERE key = ?', sale.key);
          }),
    close: () => store.close(),
  };
}

function toJson({ status, headers, body }: Answer): string {
  return JSON.stringify({ status, headers, body: Buffer.from(body).toString('base64') });
}

function fromJson(text: string): Answer {
  const { status, headers, body } = JSON.parse(text) as { status: number; headers: [string, string][]; body: string };
  return { status, headers, body: Buffer.from(body, 'base64') };
}
