import { BursarError, invariant } from '../../core/errors/base.ts';
import type { Tx } from '../../store/store.ts';
import type { Account } from './accounts.ts';
import { addLedgerEntry, balanceOf, moveBalances } from './queries.ts';

export {
  type Account,
  type AgentAccount,
  agentAccount,
  externalAccount,
  purseAccounts,
  walletAccounts,
} from './accounts.ts';

export type EntryKind =
  | 'reserve'
  | 'release'
  | 'settle'
  | 'settle_reversed'
  | 'deposit'
  | 'receive'
  | 'receive_reversed'
  | 'unexplained_in'
  | 'unexplained_out'
  | 'unexplained_reversed'
  | 'reclassify'
  | 'withdraw'
  | 'sweep';

export type Entry = {
  kind: EntryKind;
  atMs: number;
  paymentId?: string | null;
  receivableId?: string | null;
  /** The block that moved the money; null for holds and releases, which are not on chain. */
  blockNumber?: bigint | null;
  /** An amount that leaves one account (below zero) and enters another, in micro-USDC: two lines that sum to zero. */
  lines: readonly (readonly [account: Account, amountMicro: bigint])[];
};

/** Entries by which the chain may take an agent's account below zero: they record facts, not permissions. */
const chainsWord: ReadonlySet<EntryKind> = new Set([
  'settle_reversed',
  'receive_reversed',
  'unexplained_out',
  'unexplained_reversed',
  'withdraw',
  'sweep',
]);

/**
 * Appends a balanced entry and updates the balances. A balance that would fall below zero throws `insufficient_funds`. Returns its
 * id.
 */
export async function post(tx: Tx, entry: Entry): Promise<bigint> {
  const [first, second] = entry.lines;
  invariant(
    first && second && entry.lines.length === 2 && first[1] === -second[1] && first[1] !== 0n && first[0] !== second[0],
    'A journal entry takes an amount from one account and puts it into another.',
    { kind: entry.kind },
  );
  const [[from, minus], [to, amount]] = first[1] < 0n ? [first, second] : [second, first];
  const written = await tx.get(addLedgerEntry, {
    kind: entry.kind,
    payment: entry.paymentId ?? null,
    receivable: entry.receivableId ?? null,
    block: entry.blockNumber ?? null,
    at: entry.atMs,
    from,
    to,
    amount,
  });
  const after = await tx.all(moveBalances, { from, minus, to, amount });
  const left = after.find(({ account }) => account === from);
  invariant(left, 'An upsert returned no row.');
  if (left.amount_micro < 0n && !from.startsWith('external:') && !chainsWord.has(entry.kind)) {
    throw new BursarError('insufficient_funds', { details: { account: from } });
  }
  invariant(written, 'An insert returned no row.');
  return written.id;
}

/** The balance of an account in micro-USDC; 0 for an account without entries. */
export async function balance(tx: { get: Tx['get'] }, account: Account): Promise<bigint> {
  return (await tx.get(balanceOf, { account }))?.amount_micro ?? 0n;
}
