import { appendEvent } from '../../books/ledger/events.ts';
import { formatUsdc } from '../../core/money/microUsdc.ts';
import { enterEpoch } from '../../decide/payments/nonces.ts';
import type { Tx } from '../../store/store.ts';
import type { AddressBook } from './addressBook.ts';
import { addSeenOnList } from './queries.ts';
import { positionData } from './receivables.ts';
import { type WalletChangeFact, withoutMaking } from './walletChanges.ts';

/** Each change becomes an event of its agent. Payees that were ever on the list are kept, because the contract cannot list them. */
export async function noteChanges(
  tx: Tx,
  facts: readonly WalletChangeFact[],
  { book, chainId, atMs }: { book: AddressBook; chainId: number; atMs: number },
): Promise<void> {
  for (const { wallet, change, args, at } of withoutMaking(facts)) {
    const party = book.party(wallet);
    if (!party) continue;
    const { agentId, sponsorId } = party;
    if (change === 'AllowedChanged') {
      await tx.run(addSeenOnList, { agent: agentId, chain: chainId, address: String(args.payee) });
    }
    if (change === 'EpochRaised') await enterEpoch(tx, agentId, chainId, Number(args.epoch));
    const who = args.caller ?? args.by;
    const actor = typeof who === 'string' ? who : 'chain';
    const data = { wallet, change: snake(change), values: valuesOf(args), ...positionData(at) };
    await appendEvent(tx, { type: 'wallet.changed', actor, agentId, sponsorId, data }, atMs);
  }
}

function valuesOf(args: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(args).map(([name, value]) => [snake(name), typeof value === 'bigint' ? formatUsdc(value) : value]),
  );
}

const snake = (name: string): string => name.replaceAll(/(?<=.)[A-Z]/g, (letter) => `_${letter}`).toLowerCase();
