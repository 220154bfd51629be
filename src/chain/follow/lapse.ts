import type { Address, Hex } from 'viem';
import { findPayment } from '../../decide/payments/records.ts';
import { appendPaymentEvent, transition } from '../../decide/payments/transition.ts';
import type { ReadTx, Store } from '../../store/store.ts';
import type { ChainSource } from '../node/source.ts';
import { type Cursor, readAnchor } from './cursor.ts';

type Candidate = { payment_id: string; purse: Address; nonce: Hex; valid_before_s: bigint };
/** Questions to the chain in one tick. */
const LAPSES_PER_TICK = 100;

/**
 * Signed purchases whose time was over at that block, by id, after the one given. The list of states is that of the index on
 * working payments: SQLite uses the index only when it sees it.
 */
function candidates(tx: ReadTx, chainId: number, timestampS: number, after: string): Candidate[] {
  return tx.all<Candidate>(
    `SELECT a.payment_id, a.purse, a.nonce, a.valid_before_s FROM payments p JOIN x402_authorizations a ON a.payment_id = p.id
     WHERE p.state IN ('in_review', 'authorized', 'submitted', 'settled') AND p.state = 'submitted' AND p.rail = 'x402' AND p.id > ? AND a.chain_id = ? AND a.valid_before_s < ?
     ORDER BY p.id LIMIT ?`,
    after,
    chainId,
    timestampS,
    LAPSES_PER_TICK,
  );
}

/**
 * Releases holds that the chain says can never be spent: the authorization's time was over at a final block, and its nonce
 * is unused there (EIP-3009). Nobody's word but the chain's counts. Gives where to go on next time, '' for the start.
 */
export async function lapseAuthorizations(
  store: Store,
  chain: ChainSource,
  where: { chainId: number; anchor: Cursor; cursor: Cursor; after: string; clock: () => number },
): Promise<string> {
  const { chainId, anchor, cursor, after, clock } = where;
  const found = store.read((tx) => candidates(tx, chainId, anchor.timestampS, after));
  const answers = await Promise.all(found.map((one) => isUnused(chain, one, anchor, cursor)));
  const unused = found.filter((_, index) => answers[index]);
  if (unused.length > 0) {
    await store.write((tx) => {
      // What was asked of that block holds as long as it is final in our books.
      const now = readAnchor(tx, chainId);
      if (!now || now.number < anchor.number) return;
      for (const one of unused) {
        const payment = findPayment(tx, one.payment_id);
        if (payment?.state !== 'submitted') continue;
        const data = {
          nonce: one.nonce,
          valid_before_s: Number(one.valid_before_s),
          block: anchor.number.toString(),
          block_time_s: anchor.timestampS,
        };
        const context = { actor: 'bursar', atMs: clock(), data };
        appendPaymentEvent(tx, payment, 'x402.lapsed', context);
        transition(tx, payment, 'lapse', context);
      }
    });
  }
  return found.length < LAPSES_PER_TICK ? '' : (found.at(-1)?.payment_id ?? '');
}

/** Nodes that keep little state may not answer for the final block; unused at a later one is unused at it too. */
async function isUnused(chain: ChainSource, one: Candidate, anchor: Cursor, cursor: Cursor): Promise<boolean> {
  const used = await chain
    .authorizationState(one.purse, one.nonce, anchor.number)
    .catch(() => chain.authorizationState(one.purse, one.nonce, cursor.number));
  return !used;
}
