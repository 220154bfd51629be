import { erc20Abi, TransactionReceiptNotFoundError } from 'viem';
import { getAgent } from '../identity/agents.ts';
import { agentAccount, balance, walletAccounts } from '../ledger/journal.ts';
import { raiseNonces, takeNonce } from '../payments/nonces.ts';
import type { Payment } from '../payments/payment.ts';
import { findPayment } from '../payments/records.ts';
import { appendPaymentEvent } from '../payments/transition.ts';
import { readAnchor, readCursor } from '../reconcile/cursor.ts';
import type { ReadTx, Store, Tx } from '../store/store.ts';
import { attemptsOf } from '../wallet/attempts.ts';
import type { Chain } from '../wallet/chain.ts';
import { outcomesOfPayment } from '../wallet/outcomes.ts';
import { isNonceUsed } from '../wallet/walletState.ts';

/** What the books have in the agent's wallet, all accounts together. */
export function bookedInWallet(tx: ReadTx, agentId: string): bigint {
  return walletAccounts.reduce((sum, account) => sum + balance(tx, agentAccount(agentId, account)), 0n);
}

/**
 * Whether the payment's wallet nonce was used by somebody else, for good: used at a final block that the books have, where nothing
 * that we signed for the payment was mined with success, and where the wallet holds what the books say, so that no log of
 * ours is missing. Only then may the payment have another nonce; what was signed under the first can never pay. Throws `chain_unavailable`.
 */
export async function isTakenByAnother({ store, chain }: { store: Store; chain: Chain }, payment: Payment) {
  const known = store.read((tx) => ({
    wallet: getAgent(tx, payment.agentId).wallet?.address,
    anchor: readAnchor(tx, chain.chainId),
    cursor: readCursor(tx, chain.chainId),
    booked: bookedInWallet(tx, payment.agentId),
    hashes: outcomesOfPayment(tx, payment.id).flatMap(({ transactionId }) =>
      attemptsOf(tx, transactionId).map(({ hash }) => hash),
    ),
  }));
  const { wallet, anchor, cursor, booked, hashes } = known;
  if (!wallet || !anchor || !cursor || payment.walletNonce === null) return false;
  if (!(await isNonceUsed(chain, wallet, payment.walletNonce, anchor.number))) return false;
  return chain.run(async (client) => {
    const question = { address: chain.token, abi: erc20Abi, functionName: 'balanceOf', args: [wallet] } as const;
    const [held, ...blocks] = await Promise.all([
      client.readContract({ ...question, blockNumber: cursor.number }),
      ...[anchor, cursor].map(({ number }) => client.getBlock({ blockNumber: number })),
    ]);
    if (held !== booked || blocks[0]?.hash !== anchor.hash || blocks[1]?.hash !== cursor.hash) return false;
    const receipts = await Promise.all(
      hashes.map((hash) =>
        client.getTransactionReceipt({ hash }).catch((error: unknown) => {
          if (error instanceof TransactionReceiptNotFoundError) return null;
          throw error;
        }),
      ),
    );
    return receipts.every((receipt) => receipt?.status !== 'success');
  });
}

/** Gives the payment a nonce above all that can be used; its id on chain stays. False when it has moved on since. */
export function renumber(tx: Tx, before: Payment, atMs: number): boolean {
  const payment = findPayment(tx, before.id);
  if (!payment || payment.state !== before.state || payment.walletNonce !== before.walletNonce) return false;
  raiseNonces(tx, atMs, payment.agentId);
  const nonce = takeNonce(tx, payment.agentId, payment.chainId);
  tx.run('UPDATE payments SET wallet_nonce = ? WHERE id = ?', nonce, payment.id);
  const data = { from: String(before.walletNonce), to: String(nonce), why: 'nonce_used_by_another' };
  appendPaymentEvent(tx, payment, 'payment.renumbered', { actor: 'bursar', atMs, data });
  return true;
}
