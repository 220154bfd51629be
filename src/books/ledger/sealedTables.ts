import type { RowCondition, TableWatch } from '../../store/changes.ts';

/** Tables without seals, each with the reason why that hides nothing. Every other table is sealed, new ones included. */
export const unsealedTables: Readonly<Record<string, string>> = {
  events: 'the chain of hashes is their evidence',
  decisions: 'their hash covers policy, input and result, and stands in the event of the payment',
  balances: 'the sum of the ledger entries, which the check adds up',
  meter_rolling: 'what is still inside a window of the meter entries, which the check compares',
  payment_history: 'what the settled payments say, which the check computes',
  blocks: 'where the follower is; the check asks the chain for that block',
  chain_checked: 'up to where balances were compared; the check compares them itself, at the block of the follower',
  notices: 'the outbox of messages about events; losing one hides nothing from the log',
  sessions: 'who is signed in now; starting and ending a session are events',
  identity_epoch: 'a count of changes to tables that are sealed themselves',
  leases: 'which server does which task now; another one takes over what it loses',
  server_secrets: 'a sign-in needs a signature or the identity provider as well',
  sign_in_uses: 'what was used to sign in; the sessions are events',
  log_tiles: 'hashes of the events, kept for speed; a proof is checked against a signed head',
  log_heads: 'each is signed; sealing them would make the log grow with each head',
};

/** A setting that only records a worker's progress. */
const WORKERS_OWN: RowCondition = { column: 'name', is: 'notices:cursor' };

/**
 * Special rules of a sealed table. Rows that every payment inserts have their evidence in the payment's own event, so the gate
 * writes no seal; the check derives their content from it.
 */
const special: Readonly<Record<string, TableWatch>> = {
  payments: { inserts: false },
  // A payment's own entry; returned amounts of refunds are sealed.
  meter_entries: { inserts: { column: 'payment_id', endsWith: ' back' } },
  // A reserve made together with its payment is the payment's own; a later one is recorded by its maker.
  ledger_entries: { inserts: { column: 'kind', isNot: 'reserve' } },
  meters: { without: ['total_micro', 'count', 'last_at'] },
  wallets: { without: ['next_nonce'] },
  settings: { except: WORKERS_OWN },
};

/** How a table is watched for its seals; null if it has none. */
export const watchOf = (table: string): TableWatch | null =>
  Object.hasOwn(unsealedTables, table) ? null : (special[table] ?? {});

/** Rows of sealed tables that nevertheless have no seal. */
export const unsealedRows: Readonly<Record<string, RowCondition>> = { settings: WORKERS_OWN };
