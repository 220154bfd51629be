import { createPublicClient, type Hex, http } from 'viem';
import type { Trusted } from '../../../chain/receipt/organisation.ts';
import type { ChainPayment, TransactionView } from '../../../chain/receipt/transaction.ts';
import { BursarError } from '../../../core/errors/base.ts';
import { formatUsdc } from '../../../core/money/microUsdc.ts';
import { lineOf, throwOutage } from '../evidenceLines.ts';
import { EXIT } from '../exit.ts';
import { finish } from '../operationCommand.ts';
import type { Session } from '../session.ts';
import { visible } from '../table.ts';

export type TransactionQuestion = { hash: Hex; rpcUrl: string; trusted: Trusted; chainId: number | undefined };

/**
 * Shows what the chain alone proves about a transaction. Exit code 0 if it has a payment of the organisation (or, if none is named,
 * of a genuine wallet); throws `payment_not_found` for a hash that the node does not have, `chain_mismatch` for a node of another
 * chain.
 */
export async function verifyTransaction(session: Session, question: TransactionQuestion): Promise<void> {
  const view = await read(question);
  const { chain_id, tx_hash, state, payments } = view;
  if (state === 'unknown') {
    throw new BursarError('payment_not_found', {
      message: `${tx_hash} is not known on chain ${chain_id}: another chain, a transaction that never came, or a node that does not have it.`,
    });
  }
  const ok = payments.length > 0 && payments.every(({ organisation }) => organisation !== null);
  session.screen.document({ ok, transaction: view });
  for (const line of linesOf(session, view)) session.screen.line(line);
  finish(ok ? EXIT.ok : EXIT.refused);
}

async function read({ hash, rpcUrl, trusted, chainId }: TransactionQuestion): Promise<TransactionView> {
  const { readTransaction } = await import('../../../chain/receipt/transaction.ts');
  try {
    const client = createPublicClient({ transport: http(rpcUrl) });
    const served = await client.getChainId();
    if (chainId !== undefined && served !== chainId) {
      throw new BursarError('chain_mismatch', { message: `The RPC serves chain ${served}, not ${chainId}.` });
    }
    return await readTransaction(client, hash, trusted);
  } catch (error) {
    throwOutage(error, rpcUrl);
    throw error;
  }
}

function linesOf(session: Session, view: TransactionView): string[] {
  const { tx_hash, chain_id, state, payments, other_transfers } = view;
  const title = session.screen.paint(`${tx_hash} on chain ${chain_id}`, 'bold');
  if (state === 'pending') return [title, 'It is not in a block yet: nothing is paid until it is. Ask again later.'];
  if (state === 'failed') return [title, `It failed in block ${view.block_number}: it paid nothing.`];
  if (payments.length === 0) {
    const transfers = `${other_transfers} token ${other_transfers === 1 ? 'transfer' : 'transfers'}`;
    return [title, `Block ${view.block_number}. No payment of a Bursar wallet is in it (${transfers}).`];
  }
  const others = other_transfers > 0 ? [`${other_transfers} more token transfers belong to no payment shown.`] : [];
  const assumed = [...new Set(payments.flatMap((payment) => payment.assumed))];
  return [
    title,
    `Block ${view.block_number}, ${view.block_hash}. By the chain alone, without a receipt:`,
    ...payments.flatMap((payment) => paymentLines(session, payment)),
    ...others,
    ...(assumed.length > 0 ? ['Taken for granted:', ...assumed.map((each) => `  - ${visible(each)}`)] : []),
    'A receipt would add: which agent, sponsor, workflow and payee; the policy itself and the input that it decided on, to be run',
    'again; the approvals or the mandate; and, under an anchor, the proof that the event log holds it. Ask the organisation for',
    'the receipt, and run bursar verify on the file.',
  ];
}

function paymentLines(session: Session, payment: ChainPayment): string[] {
  const unknown = 'not shown by the chain';
  const from = payment.rail === 'wallet' ? payment.wallet : `${payment.purse}, the purse of ${payment.wallet}`;
  const { anchor } = payment;
  const anchored = anchor
    ? `the first one after it is of size ${anchor.size}, in block ${anchor.block_number}, by ${anchor.by}; a receipt proves whether it covers this payment`
    : 'none after this payment was found';
  return [
    `${formatUsdc(BigInt(payment.amount_micro))} USDC from ${from} to ${payment.payee} (log ${payment.log_index})`,
    `  payment key    ${payment.payment_key ?? unknown}`,
    `  policy digest  ${payment.policy_digest ?? unknown}`,
    `  decision hash  ${payment.decision_hash ?? unknown}`,
    `  organisation   ${payment.organisation ?? 'NOT shown to be of an organisation'}`,
    `  anchor         ${anchored}`,
    ...payment.findings.map((finding) => lineOf(session, finding)),
  ];
}
