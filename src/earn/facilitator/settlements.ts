import type { PendingSettlementStore } from '@x402/core/facilitator';
import type { Address, Hex } from 'viem';
import { outcomeOf } from '../../chain/relayer/outcomes.ts';
import { enqueueTransaction, type NewTransaction } from '../../chain/relayer/transactions.ts';
import type { ReadTx, Store, Tx } from '../../store/store.ts';
import type { Terms } from './terms.ts';

export type SettlementKey = { chainId: number; payer: Address; nonce: Hex };
export type SettlementState = 'claimed' | 'pending' | 'settled' | 'failed';
export type SettlementRow = {
  pay_to: Address;
  value_micro: bigint;
  state: SettlementState;
  claimed_until: bigint;
  transaction_id: bigint | null;
  tx_hash: Hex | null;
  reason: string | null;
  told_at: bigint | null;
};

/** `fresh`: nothing of it was ever sent. `resumed`: a transaction of it is out. `busy`, `told`: not for this caller. */
export type Claim = 'fresh' | 'resumed' | 'busy' | 'told';

function settlementOf(tx: ReadTx, { chainId, payer, nonce }: SettlementKey): SettlementRow | undefined {
  return tx.get<SettlementRow>(
    'SELECT * FROM x402_settlements WHERE chain_id = ? AND payer = ? AND nonce = ?',
    chainId,
    payer,
    nonce,
  );
}

/** Takes the settlement for one caller until `untilMs`; others hear `busy` as long. */
export function claim(tx: Tx, key: SettlementKey, terms: Terms, nowMs: number, untilMs: number): Claim {
  const row = settlementOf(tx, key);
  const resumes = row !== undefined && isOut(tx, row);
  if (row && row.told_at !== null) return 'told';
  // A payer can sign two transfers under one nonce; the first that went out is the one.
  if (row && resumes && (row.pay_to !== terms.payTo || row.value_micro !== terms.value)) return 'told';
  if (row?.state === 'claimed' && row.claimed_until > BigInt(nowMs)) return 'busy';
  tx.run(
    `INSERT INTO x402_settlements (chain_id, payer, nonce, pay_to, value_micro, state, claimed_until, created_at, updated_at)
     VALUES (?, ?, ?, ?, ?, 'claimed', ?, ?, ?)
     ON CONFLICT (chain_id, payer, nonce) DO UPDATE SET state = 'claimed', claimed_until = excluded.claimed_until,
       pay_to = excluded.pay_to, value_micro = excluded.value_micro, updated_at = excluded.updated_at`,
    key.chainId,
    key.payer,
    key.nonce,
    terms.payTo,
    terms.value,
    untilMs,
    nowMs,
    nowMs,
  );
  return resumes ? 'resumed' : 'fresh';
}

/** Ends a claim. `told`: its caller hears now that it settled. */
export function conclude(
  tx: Tx,
  key: SettlementKey,
  end: { state: Exclude<SettlementState, 'claimed'>; txHash: Hex | null; reason: string | null; told: boolean },
  nowMs: number,
): void {
  tx.run(
    `UPDATE x402_settlements SET state = ?, claimed_until = 0, tx_hash = coalesce(?, tx_hash), reason = ?,
       told_at = CASE WHEN ? THEN ? ELSE told_at END, updated_at = ? WHERE chain_id = ? AND payer = ? AND nonce = ?`,
    end.state,
    end.txHash,
    end.reason,
    end.told ? 1 : 0,
    nowMs,
    nowMs,
    key.chainId,
    key.payer,
    key.nonce,
  );
}

/** Notes that one caller hears of a settlement that was not sent from here. False: one has heard of it before. */
export function tellOnce(tx: Tx, key: SettlementKey, terms: Terms, txHash: Hex, nowMs: number): boolean {
  const changed = tx.run(
    `INSERT INTO x402_settlements (chain_id, payer, nonce, pay_to, value_micro, state, claimed_until, tx_hash, told_at, created_at, updated_at)
     VALUES (?, ?, ?, ?, ?, 'settled', 0, ?, ?, ?, ?)
     ON CONFLICT (chain_id, payer, nonce) DO UPDATE SET state = 'settled', claimed_until = 0, pay_to = excluded.pay_to,
       value_micro = excluded.value_micro, tx_hash = excluded.tx_hash, told_at = excluded.told_at, updated_at = excluded.updated_at
       WHERE told_at IS NULL`,
    key.chainId,
    key.payer,
    key.nonce,
    terms.payTo,
    terms.value,
    txHash,
    nowMs,
    nowMs,
    nowMs,
  );
  return changed === 1;
}

/** A crash leaves claims behind; anyone who opens the database alone may take them over at once. */
export function dropClaims(tx: Tx): void {
  tx.run(`UPDATE x402_settlements SET claimed_until = 0 WHERE state = 'claimed'`);
}

/** Queues the settlement's transaction, or names the one that is out: in one write, so there never are two. */
export function enqueueOnce(tx: Tx, key: SettlementKey, wanted: NewTransaction): bigint {
  const row = settlementOf(tx, key);
  if (row?.transaction_id != null && isOut(tx, row)) return row.transaction_id;
  const { id } = enqueueTransaction(tx, wanted);
  tx.run(
    'UPDATE x402_settlements SET transaction_id = ? WHERE chain_id = ? AND payer = ? AND nonce = ?',
    id,
    key.chainId,
    key.payer,
    key.nonce,
  );
  return id;
}

/** Gas that settlements of that payer took since then; one not mined yet counts with its limit. */
export function gasOf(tx: ReadTx, purposes: readonly [string, string], sinceMs: number): bigint {
  const row = tx.get<{ gas: bigint | null }>(
    `SELECT sum(coalesce(gas_used, gas_limit, 150000)) AS gas FROM transactions
     WHERE purpose IN (?, ?) AND created_at > ? AND state <> 'dropped'`,
    ...purposes,
    sinceMs,
  );
  return row?.gas ?? 0n;
}

/** Gas that deployments for all payers took since then, counted likewise. */
export function deployGas(tx: ReadTx, sinceMs: number): bigint {
  const row = tx.get<{ gas: bigint | null }>(
    `SELECT sum(coalesce(gas_used, gas_limit, 3000000)) AS gas FROM transactions
     WHERE purpose >= 'x402_deploy:' AND purpose < 'x402_deploy;' AND created_at > ? AND state <> 'dropped'`,
    sinceMs,
  );
  return row?.gas ?? 0n;
}

function isOut(tx: ReadTx, row: SettlementRow): boolean {
  if (row.transaction_id === null) return false;
  const outcome = outcomeOf(tx, row.transaction_id);
  if (outcome === null || outcome.kind === 'dropped') return false;
  return !(outcome.kind === 'mined' || outcome.kind === 'final') || outcome.succeeded;
}

/** The official facilitator's store of what it broadcast and has not seen mined, kept on the settlement's row. */
export function pendingStore(store: Store, key: SettlementKey): PendingSettlementStore {
  const set = (pendingKey: string | null, hash: string | null) =>
    store.write((tx) => {
      tx.run(
        'UPDATE x402_settlements SET pending_key = ?, pending_hash = ? WHERE chain_id = ? AND payer = ? AND nonce = ?',
        pendingKey,
        hash,
        key.chainId,
        key.payer,
        key.nonce,
      );
    });
  return {
    get: async (pendingKey) =>
      store.read((tx) =>
        tx.get<{ pending_hash: string }>(
          'SELECT pending_hash FROM x402_settlements WHERE chain_id = ? AND payer = ? AND nonce = ? AND pending_key = ?',
          key.chainId,
          key.payer,
          key.nonce,
          pendingKey,
        ),
      )?.pending_hash,
    set: (pendingKey, hash) => set(pendingKey, hash),
    delete: () => set(null, null),
  };
}
