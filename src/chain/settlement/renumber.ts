import { erc20Abi, TransactionReceiptNotFoundError } from 'viem';
import { agentAccount, balance, walletAccounts } from '../../books/ledger/journal.ts';
import { flatMapInOrder, reduceInOrder } from '../../core/inOrder.ts';
import { getAgent } from '../../decide/identity/agents.ts';
import { followWindow, takeNonce, type Window } from '../../decide/payments/nonces.ts';
import type { Payment } from '../../decide/payments/payment.ts';
import { findPayment } from '../../decide/payments/records.ts';
import { appendPaymentEvent } from '../../decide/payments/transition.ts';
import type { ReadTx, Store, Tx } from '../../store/store.ts';
import { isNonceUsed } from '../contracts/walletState.ts';
import { readAnchor, readCursor } from '../follow/cursor.ts';
import type { Chain } from '../node/chain.ts';
import { attemptsOf } from '../relayer/attempts.ts';
import { outcomesOfPayment } from '../relayer/outcomes.ts';
import { setNonce, signedFor } from './queries.ts';

/** What the books have in the agent's wallet, all accounts together. */
export async function bookedInWallet(tx: ReadTx, agentId: string): Promise<bigint> {
  return reduceInOrder(
    walletAccounts,
    async (sum, account) => sum + (await balance(tx, agentAccount(agentId, account))),
    0n,
  );
}

/**
 * Whether the payment can never be paid under its wallet nonce, and was not: the nonce is used, or its window or epoch is over, at a
 * block that the books have; nothing that we signed for the payment was mined with success; and the wallet holds what the books
 * say, so that no log of ours is missing. Where something was signed the block must be final. Only then may the payment have
 * another nonce. Throws `chain_unavailable`.
 */
export async function isLostNonce({ store, chain }: { store: Store; chain: Chain }, payment: Payment) {
  const known = await store.read(async (tx) => ({
    wallet: (await getAgent(tx, payment.agentId)).wallet?.address,
    anchor: await readAnchor(tx, chain.chainId),
    cursor: await readCursor(tx, chain.chainId),
    booked: await bookedInWallet(tx, payment.agentId),
    hashes: await flatMapInOrder(await outcomesOfPayment(tx, payment.id), async ({ transactionId }) =>
      (await attemptsOf(tx, transactionId)).map(({ hash }) => hash),
    ),
  }));
  const { wallet, anchor, cursor, booked, hashes } = known;
  if (!wallet || !anchor || !cursor || payment.walletNonce === null) return false;
  const at = hashes.length > 0 ? anchor : cursor;
  if (!(await isNonceUsed(chain, wallet, payment.walletNonce, at.number))) return false;
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

/** Gives the payment a nonce that the wallet takes; its id on chain stays. False when it has moved on since. */
export async function renumber(tx: Tx, before: Payment, window: Window, atMs: number): Promise<boolean> {
  const payment = await findPayment(tx, before.id);
  if (!payment || payment.state !== before.state || payment.walletNonce !== before.walletNonce) return false;
  await followWindow(tx, payment.agentId, payment.chainId, window);
  const nonce = await takeNonce(tx, payment.agentId, payment.chainId);
  await tx.run(setNonce, { id: payment.id, nonce });
  const data = { from: String(before.walletNonce), to: String(nonce), why: 'nonce_not_payable' };
  await appendPaymentEvent(tx, payment, 'payment.renumbered', { actor: 'bursar', atMs, data });
  return true;
}

/** Whether we signed anything for the payment. */
export async function wasSigned(tx: ReadTx, paymentId: string): Promise<boolean> {
  return (await tx.get(signedFor, { payment: paymentId })) !== undefined;
}
