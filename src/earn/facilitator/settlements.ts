import type { PendingSettlementStore } from '@x402/core/facilitator';
import type { Address, Hex } from 'viem';
import { outcomeOf } from '../../chain/relayer/outcomes.ts';
import { enqueueTransaction, type NewTransaction } from '../../chain/relayer/transactions.ts';
import type { RowOf } from '../../store/statement.ts';
import type { ReadTx, Store, Tx } from '../../store/store.ts';
import {
  claimSettlement,
  endClaim,
  gasOfDeployments,
  gasOfPurposes,
  pendingHashOf,
  recordDelivery,
  releaseClaims,
  setPendingHash,
  setTransaction,
  settlementByKey,
} from './queries.ts';
import type { Terms } from './terms.ts';

export type SettlementKey = { chainId: number; payer: Address; nonce: Hex };
export type SettlementState = 'claimed' | 'pending' | 'settled' | 'failed';
type SettlementRow = RowOf<typeof settlementByKey>;

/** `fresh`: nothing was sent for it yet. `resumed`: a transaction was sent. `busy`, `delivered`: this caller must not settle it. */
export type Claim = 'fresh' | 'resumed' | 'busy' | 'delivered';

const keyOf = ({ chainId: chain, payer, nonce }: SettlementKey) => ({ chain, payer, nonce });
export const settlementOf = (tx: ReadTx, key: SettlementKey): Promise<SettlementRow | undefined> =>
  tx.get(settlementByKey, keyOf(key));

/** Claims a settlement for one caller until `untilMs`; until then other callers get `busy`. */
export async function claim(
  tx: Tx,
  key: SettlementKey,
  terms: Terms,
  { nowMs, untilMs }: { nowMs: number; untilMs: number },
): Promise<Claim> {
  const row = await settlementOf(tx, key);
  const resumes = row !== undefined && (await isOut(tx, row));
  if (row && row.delivered_at !== null) return 'delivered';
  // A payer can sign two transfers under one nonce; only the one that was sent first counts.
  if (row && resumes && (row.pay_to !== terms.payTo || row.value_micro !== terms.value)) return 'delivered';
  if (row?.state === 'claimed' && row.claimed_until > BigInt(nowMs)) return 'busy';
  await tx.run(claimSettlement, { ...keyOf(key), payTo: terms.payTo, value: terms.value, until: untilMs, at: nowMs });
  return resumes ? 'resumed' : 'fresh';
}

/** Ends a claim. `delivered`: its caller now gets the answer that the transfer settled. */
export async function conclude(
  tx: Tx,
  key: SettlementKey,
  end: { state: Exclude<SettlementState, 'claimed'>; txHash: Hex | null; reason: string | null; delivered: boolean },
  nowMs: number,
): Promise<void> {
  const { state, txHash: hash, reason, delivered } = end;
  await tx.run(endClaim, { ...keyOf(key), state, hash, reason, deliveredAt: delivered ? nowMs : null, at: nowMs });
}

/** Records that one caller gets the answer for a settlement that another sender sent. False: a caller got it before. */
export async function deliverOnce(
  tx: Tx,
  key: SettlementKey,
  { payTo, value, txHash }: Pick<Terms, 'payTo' | 'value'> & { txHash: Hex },
  nowMs: number,
): Promise<boolean> {
  return (await tx.run(recordDelivery, { ...keyOf(key), payTo, value, hash: txHash, at: nowMs })) === 1;
}

/** A crash leaves claims behind; a process that opens the database alone may release them at once. */
export async function dropClaims(tx: Tx): Promise<void> {
  await tx.run(releaseClaims);
}

/** Queues the settlement's transaction, or returns the one that exists: in one write, so that there are never two. */
export async function enqueueOnce(tx: Tx, key: SettlementKey, wanted: NewTransaction): Promise<bigint> {
  const row = await settlementOf(tx, key);
  if (row?.transaction_id != null && (await isOut(tx, row))) return row.transaction_id;
  const { id } = await enqueueTransaction(tx, wanted);
  await tx.run(setTransaction, { ...keyOf(key), transaction: id });
  return id;
}

/** The gas of that payer's settlements since then; an unmined one counts with its limit. */
export async function gasOf(tx: ReadTx, [first, second]: readonly [string, string], sinceMs: number): Promise<bigint> {
  return (await tx.get(gasOfPurposes, { first, second, since: sinceMs }))?.gas ?? 0n;
}

/** The gas of deployments for all payers since then, counted likewise. */
export async function deployGas(tx: ReadTx, sinceMs: number): Promise<bigint> {
  return (await tx.get(gasOfDeployments, { since: sinceMs }))?.gas ?? 0n;
}

async function isOut(tx: ReadTx, row: SettlementRow): Promise<boolean> {
  if (row.transaction_id === null) return false;
  const outcome = await outcomeOf(tx, row.transaction_id);
  if (outcome === null || outcome.kind === 'dropped') return false;
  return !(outcome.kind === 'mined' || outcome.kind === 'final') || outcome.succeeded;
}

/** The official facilitator's record of a broadcast transaction that is not mined yet, kept in the settlement's row. */
export function pendingStore(store: Store, key: SettlementKey): PendingSettlementStore {
  const set = (pending: string | null, hash: string | null) =>
    store.write(async (tx) => {
      await tx.run(setPendingHash, { ...keyOf(key), pending, hash });
    });
  return {
    get: async (pending) =>
      (await store.read((tx) => tx.get(pendingHashOf, { ...keyOf(key), pending })))?.pending_hash ?? undefined,
    set: (pendingKey, hash) => set(pendingKey, hash),
    delete: () => set(null, null),
  };
}
