import { salesMigrations } from '../../store/migrations/index.ts';
import { openStore, type Tx } from '../../store/store.ts';
import { deleteSale, deleteSales, forgetAnswers, putSale, saleByIdentifier, saleByKey } from './queries.ts';
import type { Answer, Sale, SaleStore } from './sales.ts';

/** A crash leaves a claim behind; after this time it may be claimed again. */
const CLAIM_MS = 600_000;
const DAY_MS = 86_400_000;

type SaleProgress = { state: 'claimed' | 'owed' | 'done'; untilMs: number; answer: Answer | null };

/** Sales in a separate SQLite file, which outlive the process. Answers are deleted after a day, sales after a year. */
export async function durableSales(
  path: string,
  clock: () => number = Date.now,
): Promise<SaleStore & { close(): Promise<void> }> {
  const store = await openStore(path, salesMigrations);
  const put = async (tx: Tx, { key, identifier, request }: Sale, { state, untilMs, answer }: SaleProgress) => {
    const text = answer === null ? null : toJson(answer);
    await tx.run(putSale, { key, identifier, request, state, until: untilMs, answer: text, at: clock() });
  };
  return {
    claim: (sale) =>
      store.write(async (tx) => {
        const holder = await tx.get(saleByIdentifier, { identifier: sale.identifier });
        if (holder && holder.key !== sale.key) return { kind: 'conflict' } as const;
        const row = await tx.get(saleByKey, { key: sale.key });
        if (row && row.request !== sale.request) return { kind: 'conflict' } as const;
        if (row?.state === 'done') {
          return row.answer_json === null
            ? ({ kind: 'gone' } as const)
            : ({ kind: 'answered', answer: fromJson(row.answer_json) } as const);
        }
        if (row?.state === 'claimed' && row.until_at > BigInt(clock())) return { kind: 'busy' } as const;
        await put(tx, sale, { state: 'claimed', untilMs: clock() + CLAIM_MS, answer: null });
        await tx.run(forgetAnswers, { before: clock() - DAY_MS });
        await tx.run(deleteSales, { before: clock() - 365 * DAY_MS });
        // Every served sale is on file, so a payment on chain with an abandoned claim is owed.
        return { kind: 'new', owed: row !== undefined } as const;
      }),
    finish: (sale, answer) => store.write((tx) => put(tx, sale, { state: 'done', untilMs: 0, answer })),
    release: (sale, owed) =>
      store.write(async (tx) => {
        if (owed) await put(tx, sale, { state: 'owed', untilMs: 0, answer: null });
        else await tx.run(deleteSale, { key: sale.key });
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
