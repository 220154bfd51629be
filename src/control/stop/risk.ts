import type { Address, Hex } from 'viem';
import { agentAccount, balance } from '../../books/ledger/journal.ts';
import type { ReadTx } from '../../store/store.ts';
import { signedMoney, submittedAuthorizations } from './queries.ts';

/** A signed 402 authorization that its seller can still use, as far as the books know. */
export type LiveAuthorization = { paymentId: string; purse: Address; nonce: Hex; amount: bigint; validBeforeS: number };

/** Micro-USDC that signatures made before the stop can still move. */
export type Risk = {
  /** Signed payments of the wallet rail that no final block holds yet. */
  signedPayments: bigint;
  /** What lies in the purse: authorizations are paid from it, so it bounds them. */
  purse: bigint;
  /** Of the purse: what authorizations that are still usable ask for. */
  liveAuthorizations: bigint;
  total: bigint;
};

export function liveAuthorizations(tx: ReadTx, agentId: string): LiveAuthorization[] {
  return tx.all(submittedAuthorizations, { agent: agentId }).map((row) => ({
    paymentId: row.payment_id,
    purse: row.purse,
    nonce: row.nonce,
    amount: row.value_micro,
    validBeforeS: Number(row.valid_before_s),
  }));
}

/** `purseOnChain`: null where the chain does not answer, then the books' figure stands. A purse without code signs nothing. */
export function riskOf(tx: ReadTx, agentId: string, purseOnChain: bigint | null): Risk {
  const signed = tx.get(signedMoney, { agent: agentId });
  const booked = balance(tx, agentAccount(agentId, 'purse')) + balance(tx, agentAccount(agentId, 'purse_reserved'));
  const purse = purseOnChain ?? (booked > 0n ? booked : 0n);
  const wanted = liveAuthorizations(tx, agentId).reduce((sum, { amount }) => sum + amount, 0n);
  const signedPayments = signed?.micro ?? 0n;
  return {
    signedPayments,
    purse,
    liveAuthorizations: wanted < purse ? wanted : purse,
    total: signedPayments + purse,
  };
}
