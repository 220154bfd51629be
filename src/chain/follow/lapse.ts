import { findPayment } from '../../decide/payments/records.ts';
import { appendPaymentEvent, transition } from '../../decide/payments/transition.ts';
import type { RowOf } from '../../store/statement.ts';
import type { Store } from '../../store/store.ts';
import type { ChainSource } from '../node/source.ts';
import { type Cursor, readAnchor } from './cursor.ts';
import { lapsedPurchases } from './waitingQueries.ts';

type Candidate = RowOf<typeof lapsedPurchases>;
/** The number of requests to the chain in one tick. */
const LAPSES_PER_TICK = 100;

/**
 * Releases holds that can never be spent: the authorization's validity ended before a final block, and its nonce is unused there
 * (EIP-3009). Only the chain decides this. Returns where to continue next time, '' for the start.
 */
export async function lapseAuthorizations(
  store: Store,
  chain: ChainSource,
  where: { chainId: number; anchor: Cursor; cursor: Cursor; after: string; clock: () => number },
): Promise<string> {
  const { chainId, anchor, cursor, after, clock } = where;
  const found = await store.read((tx) =>
    tx.all(lapsedPurchases, { after, chain: chainId, time: anchor.timestampS, limit: LAPSES_PER_TICK }),
  );
  const answers = await Promise.all(found.map((one) => isUnused(chain, one, anchor, cursor)));
  const unused = found.filter((_, index) => answers[index]);
  if (unused.length > 0) {
    await store.write(async (tx) => {
      // The answer for that block stays valid while the block is final in our books.
      const now = await readAnchor(tx, chainId);
      if (!now || now.number < anchor.number) return;
      for (const one of unused) {
        const payment = await findPayment(tx, one.payment_id);
        if (payment?.state !== 'submitted') continue;
        const data = {
          nonce: one.nonce,
          valid_before_s: Number(one.valid_before_s),
          block: anchor.number.toString(),
          block_time_s: anchor.timestampS,
        };
        const context = { actor: 'bursar', atMs: clock(), data };
        await appendPaymentEvent(tx, payment, 'x402.lapsed', context);
        await transition(tx, payment, 'lapse', context);
      }
    });
  }
  return found.length < LAPSES_PER_TICK ? '' : (found.at(-1)?.payment_id ?? '');
}

/** Nodes that keep little state may not answer for the final block. A nonce that is unused at a later block was unused then too. */
async function isUnused(chain: ChainSource, one: Candidate, anchor: Cursor, cursor: Cursor): Promise<boolean> {
  const used = await chain
    .authorizationState(one.purse, one.nonce, anchor.number)
    .catch(() => chain.authorizationState(one.purse, one.nonce, cursor.number));
  return !used;
}
