import type { Address } from 'viem';
import { agentAccount, balance, purseAccounts, walletAccounts } from '../../books/ledger/journal.ts';
import { flatMapInOrder, reduceInOrder } from '../../core/inOrder.ts';
import { formatUsdc } from '../../core/money/microUsdc.ts';
import type { ReadTx, Tx } from '../../store/store.ts';
import type { AddressBook } from '../match/addressBook.ts';
import type { TransferFact } from '../match/facts.ts';
import { checkedBlock, lowerCheckedBlock, setChecked } from './queries.ts';

/** The balance of an address in the books and on chain. Micro-USDC. */
export type Compared = { address: Address; agentId: string; books: bigint; chain: bigint };

/** Every followed address, with the sum of its accounts. */
export async function bookedBalances(
  tx: ReadTx,
  book: AddressBook,
): Promise<{ address: Address; agentId: string; books: bigint }[]> {
  return flatMapInOrder([...book.scope.wallets, ...book.scope.purses], async (address) => {
    const party = book.party(address);
    if (!party) return [];
    const accounts = party.place === 'wallet' ? walletAccounts : purseAccounts;
    const books = await reduceInOrder(
      accounts,
      async (sum, account) => sum + (await balance(tx, agentAccount(party.agentId, account))),
      0n,
    );
    return [{ address, agentId: party.agentId, books }];
  });
}

/** The change of an address's balance by these transfers. */
export function netOf(address: Address, transfers: readonly Pick<TransferFact, 'from' | 'to' | 'amount'>[]): bigint {
  let net = 0n;
  for (const { from, to, amount } of transfers) {
    if (to === address) net += amount;
    if (from === address) net -= amount;
  }
  return net;
}

export const differing = (all: readonly Compared[]): Compared[] => all.filter(({ books, chain }) => books !== chain);

/** A text for people: the balances on chain and in the books. */
export function differencesView(found: readonly Compared[]): Record<string, string>[] {
  return found.slice(0, 20).map(({ address, agentId, books, chain }) => ({
    address,
    agent: agentId,
    books: formatUsdc(books),
    chain: formatUsdc(chain),
  }));
}

/** Returns the last block at which books and chain agreed on every address; null before the first comparison. */
export async function readChecked(tx: ReadTx, chainId: number): Promise<bigint | null> {
  const row = await tx.get(checkedBlock, { chain: chainId });
  return row?.block_number ?? null;
}

export async function markChecked(tx: Tx, chainId: number, block: bigint): Promise<void> {
  await tx.run(setChecked, { chain: chainId, block });
}

/** Blocks above are undone, so a comparison made there is void. */
export async function lowerChecked(tx: Tx, chainId: number, block: bigint): Promise<void> {
  await tx.run(lowerCheckedBlock, { chain: chainId, block });
}
