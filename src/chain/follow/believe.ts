import type { Address } from 'viem';
import type { AddressBook } from '../match/addressBook.ts';
import { factScope, readFacts } from '../match/facts.ts';
import { pairClaims } from '../match/pairs.ts';
import type { BlockHeader, ChainLog, ChainSource } from '../node/source.ts';
import { Bloom } from './bloom.ts';
import { contradiction } from './doubts.ts';
import { topic } from './rawLogs.ts';

/**
 * Returns the logs of one block, checked against its header. If the header's bloom may contain a log of ours, the block's receipts
 * decide: their bloom equals the header's only if none is missing. Throws `chain_inconsistent` if nothing can be verified. A bloom
 * full of other contracts' logs decides nothing; then the balances do (`confirm.ts`).
 */
export async function believedLogs(
  chain: ChainSource,
  book: AddressBook,
  header: BlockHeader,
  told: ChainLog[],
): Promise<ChainLog[]> {
  if (!chain.receiptLogs) return told;
  const bloom = header.logsBloom === undefined ? null : new Bloom(header.logsBloom);
  if (bloom) refuseInvented(bloom, header, told);
  const isUnannounced = hasUnannouncedOutflow(chain, book, told);
  const mayHaveOurs = bloom !== null && bloom.fill !== 'dense' && uncovered(bloom, chain, book, []).length > 0;
  if (!isUnannounced && !mayHaveOurs) return told;
  const proven = await chain.receiptLogs(header);
  if (proven) return proven;
  const block = header.number.toString();
  if (isUnannounced) {
    throw contradiction(
      'announcement_missing',
      `The RPC tells of money that left in block ${block}, and not which payment it is.`,
      {
        block,
      },
    );
  }
  if (bloom?.fill === 'sparse' && uncovered(bloom, chain, book, told).length > 0) {
    const message = `The RPC gives too few logs of ours in block ${block}: its header says that there are others.`;
    throw contradiction('logs_missing', message, { block });
  }
  return told;
}

function refuseInvented(bloom: Bloom, header: BlockHeader, told: readonly ChainLog[]): void {
  const invented = told.find((log) => ![log.address, ...log.topics].every((item) => bloom.has(item)));
  if (!invented) return;
  throw contradiction('log_not_in_block', `The RPC sent a log of block ${header.number} that its header rules out.`, {
    block: header.number.toString(),
    tx: invented.txHash,
    log_index: invented.logIndex,
  });
}

/** Our contracts log every outgoing transfer; only a purse's sweep into its own wallet has no log before it. */
function hasUnannouncedOutflow(chain: ChainSource, book: AddressBook, told: readonly ChainLog[]): boolean {
  const { pairs } = pairClaims(readFacts(told, factScope(chain, book)));
  return pairs.some(({ transfer, claim }) => {
    const from = book.party(transfer.from);
    return from !== null && claim === null && !(from.place === 'purse' && transfer.to === from.wallet);
  });
}

/** Our addresses that the bloom may contain and that none of these logs concerns. */
function uncovered(bloom: Bloom, chain: ChainSource, book: AddressBook, told: readonly ChainLog[]): Address[] {
  const { wallets, purses, payers } = book.scope;
  const emitters = new Set(told.map(({ address }) => address.toLowerCase()));
  const topics = new Set(told.flatMap((log) => log.topics.map((item) => item.toLowerCase())));
  const emits = (address: Address): boolean => bloom.has(address) && !emitters.has(address.toLowerCase());
  const isNamed = (address: Address): boolean => bloom.has(topic(address)) && !topics.has(topic(address));
  const movers = bloom.has(chain.token) ? [...wallets, ...purses, ...payers].filter(isNamed) : [];
  const callers = [...wallets, ...(chain.registry ? [chain.registry] : [])].filter(emits);
  return [...movers, ...callers];
}
