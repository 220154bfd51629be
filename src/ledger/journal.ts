import { BursarError, invariant } from '../errors/base.ts';
import type { Tx } from '../store/store.ts';

/**
 * An agent's accounts. Wallet on chain = available + reserved + suspense; purse on chain = purse + purse_reserved.
 * Where money comes from and goes to: `external:<address>`. Every entry sums to zero.
 */
export type AgentAccount = 'available' | 'reserved' | 'purse' | 'purse_reserved' | 'suspense';
export type Account = `${string}:${AgentAccount}` | `external:${string}`;
export const walletAccounts = ['available', 'reserved', 'suspense'] as const satisfies readonly AgentAccount[];
export const purseAccounts = ['purse', 'purse_reserved'] as const satisfies readonly AgentAccount[];

export function agentAccount(agentId: string, account: AgentAccount): Account {
  return `${agentId}:${account}`;
}
export function externalAccount(address: string): Account {
  return `external:${address}`;
}

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
  /** The block that moved the money; null for holds and releases, which the chain does not see. */
  blockNumber?: bigint | null;
  /** Signed micro-USDC per account; they sum to zero. */
  lines: readonly (readonly [account: Account, amountMicro: bigint])[];
};

/** Entries by which the chain may leave an agent's account below zero: it tells what is so, not what may be. */
const chainsWord: ReadonlySet<EntryKind> = new Set([
  'settle_reversed',
  'receive_reversed',
  'unexplained_out',
  'unexplained_reversed',
  'withdraw',
  'sweep',
]);

/** Appends one balanced entry and moves the balances. A balance that would fall below zero aborts with `insufficient_funds`. */
export function post(tx: Tx, entry: Entry): void {
  let sum = 0n;
  for (const [, amount] of entry.lines) sum += amount;
  invariant(sum === 0n && entry.lines.length >= 2, 'A journal entry must sum to zero.', { kind: entry.kind });
  const row = tx.get<{ id: bigint }>(
    'INSERT INTO ledger_entries (kind, payment_id, receivable_id, block_number, at) VALUES (?, ?, ?, ?, ?) RETURNING id',
    entry.kind,
    entry.paymentId ?? null,
    entry.receivableId ?? null,
    entry.blockNumber ?? null,
    entry.atMs,
  );
  invariant(row, 'An insert returned no row.');
  entry.lines.forEach(([account, amount], line) => {
    tx.run(
      'INSERT INTO postings (entry_id, line, account, amount_micro) VALUES (?, ?, ?, ?)',
      row.id,
      line,
      account,
      amount,
    );
    const after = tx.get<{ amount_micro: bigint }>(
      'INSERT INTO balances (account, amount_micro) VALUES (?, ?) ON CONFLICT (account) DO UPDATE SET amount_micro = amount_micro + excluded.amount_micro RETURNING amount_micro',
      account,
      amount,
    );
    invariant(after, 'An upsert returned no row.');
    if (after.amount_micro < 0n && amount < 0n && !account.startsWith('external:') && !chainsWord.has(entry.kind)) {
      throw new BursarError('insufficient_funds', { details: { account } });
    }
  });
}

/** The balance of an account in micro-USDC, 0 where nothing was ever posted. */
export function balance(tx: { get: Tx['get'] }, account: Account): bigint {
  return (
    tx.get<{ amount_micro: bigint }>('SELECT amount_micro FROM balances WHERE account = ?', account)?.amount_micro ?? 0n
  );
}
