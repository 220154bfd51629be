import type { Address, Hex } from 'viem';
import { agentAccount, balance } from '../../books/ledger/journal.ts';
import type { ReadTx } from '../../store/store.ts';

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
  return tx
    .all<{ payment_id: string; purse: Address; nonce: Hex; value_micro: bigint; valid_before_s: bigint }>(
      `SELECT x.payment_id, x.purse, x.nonce, x.value_micro, x.valid_before_s
       FROM payments p JOIN x402_authorizations x ON x.payment_id = p.id
       WHERE p.state IN ('in_review', 'authorized', 'submitted', 'settled') AND p.state = 'submitted' AND p.agent_id = ?
       ORDER BY p.id LIMIT 500`,
      agentId,
    )
    .map((row) => ({
      paymentId: row.payment_id,
      purse: row.purse,
      nonce: row.nonce,
      amount: row.value_micro,
      validBeforeS: Number(row.valid_before_s),
    }));
}

/** `purseOnChain`: null where the chain does not answer, then the books' figure stands. A purse without code signs nothing. */
export function riskOf(tx: ReadTx, agentId: string, purseOnChain: bigint | null): Risk {
  const signed = tx.get<{ micro: bigint | null }>(
    `SELECT sum(p.amount_micro) AS micro FROM payments p
     WHERE p.state IN ('in_review', 'authorized', 'submitted', 'settled') AND p.state IN ('authorized', 'submitted')
       AND p.agent_id = ? AND p.rail = 'wallet'
       AND EXISTS (SELECT 1 FROM transaction_payments tp JOIN transactions t ON t.id = tp.transaction_id
         WHERE tp.payment_id = p.id AND (t.state = 'pending' OR t.state = 'mined' OR (t.state = 'final' AND t.succeeded = 1)))`,
    agentId,
  );
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
