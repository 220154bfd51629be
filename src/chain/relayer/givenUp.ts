import { type Address, type Hex, parseTransaction } from 'viem';
import type { Store } from '../../store/store.ts';
import type { Chain } from '../node/chain.ts';
import { receiptOf } from './confirm.ts';
import { givenUpAttempts, setPendingOnNonce } from './queries.ts';

/**
 * Tells whether the nonces from `next` to below `count`, which our records lack, were used by our own transactions that had been given
 * up as a gap (`dropGap`): the chain mines them once it reaches their nonces. If all are explained by receipts, these transactions
 * wait under their nonces again, and the next step finds them mined. Throws `chain_unavailable`.
 */
export async function takeBack(
  { store, chain }: { store: Store; chain: Chain },
  sender: Address,
  { next, count }: { next: bigint; count: bigint },
): Promise<boolean> {
  const attempts = await store.read((tx) => tx.all(givenUpAttempts, { chain: chain.chainId, sender }));
  const missing = attempts
    .map(({ id, hash, raw }) => ({ id, hash, nonce: nonceIn(raw) }))
    .filter(({ nonce }) => nonce >= next && nonce < count);
  if (missing.length === 0) return false;
  const receipts = await chain.run((client) => Promise.all(missing.map(({ hash }) => receiptOf(client, hash))));
  const mined = new Map(missing.filter((_, index) => receipts[index] !== null).map(({ id, nonce }) => [nonce, id]));
  if (BigInt(mined.size) !== count - next) return false;
  await store.write(async (tx) => {
    for (const [nonce, id] of mined) await tx.run(setPendingOnNonce, { id, nonce });
  });
  return true;
}

const nonceIn = (raw: Hex): bigint => BigInt(parseTransaction(raw).nonce ?? 0);
