import type { Address, Hex } from 'viem';
import { agentAccount, balance } from '../../books/ledger/journal.ts';
import type { ReadTx } from '../../store/store.ts';
import { signedMoney, submittedAuthorizations } from './queries.ts';

/** A signed 402 authorization that its seller can still use, by the books. */
export type LiveAuthorization = { paymentId: string; purse: Address; nonce: Hex; amount: bigint; validBeforeS: number };

/** Micro-USDC that signatures from before the stop can still move. */
export type Risk = {
  /** Signed payments of the wallet rail that are not in a final block yet. */
  signedPayments: bigint;
  /** The balance of the purse: authorizations are paid from it, so it limits them. */
  purse: bigint;
  /** The sum of the purse's authorizations that can still be used. */
  liveAuthorizations: bigint;
  total: bigint;
};

export async function liveAuthorizations(tx: ReadTx, agentId: string): Promise<LiveAuthorization[]> {
  return (await tx.all(submittedAuthorizations, { agent: agentId })).map((row) => ({
    paymentId: row.payment_id,
    purse: row.purse,
    nonce: row.nonce,
    amount: row.value_micro,
    validBeforeS: Number(row.valid_before_s),
  }));
}

/** `purseOnChain`: null if the chain does not answer; then the balance in the books is used. A purse without code signs nothing. */
export async function riskOf(tx: ReadTx, agentId: string, purseOnChain: bigint | null): Promise<Risk> {
  const signed = await tx.get(signedMoney, { agent: agentId });
  const booked =
    (await balance(tx, agentAccount(agentId, 'purse'))) + (await balance(tx, agentAccount(agentId, 'purse_reserved')));
  const purse = purseOnChain ?? (booked > 0n ? booked : 0n);
  const wanted = (await liveAuthorizations(tx, agentId)).reduce((sum, { amount }) => sum + amount, 0n);
  const signedPayments = signed?.micro ?? 0n;
  return {
    signedPayments,
    purse,
    liveAuthorizations: wanted < purse ? wanted : purse,
    total: signedPayments + purse,
  };
}
