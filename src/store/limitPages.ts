import type { Store } from './store.ts';
import { text } from './text.ts';

/** For tests: lets the file grow by so many pages more, as on a full disk. */
export async function limitPages(store: Store, more: bigint): Promise<void> {
  await store.write(async (tx) => {
    const pages = (await tx.get(text<{ page_count: bigint }>('PRAGMA page_count')))?.page_count ?? 0n;
    await tx.get(text(`PRAGMA max_page_count = ${pages + more}`));
  });
}
