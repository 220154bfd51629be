import { classifyInflow, type Inbound } from '../../books/receivables/classify.ts';
import { invariant } from '../../core/errors/base.ts';
import { next } from '../../core/payment/states.ts';
import type { Payment } from '../../decide/payments/payment.ts';
import { findPayment, findPaymentByChainKey } from '../../decide/payments/records.ts';
import type { ReadTx } from '../../store/store.ts';
import type { AddressBook, Party } from './addressBook.ts';
import type { AuthorizationFact, ExecutedFact, TransferFact } from './facts.ts';
import { inflowOf } from './inflow.ts';
import type { Pair } from './pairs.ts';
import { paymentOfNonce } from './queries.ts';

/** The reason why an outgoing transfer is not the payment that it resembles. */
export type Doubt =
  | 'no_claim'
  | 'unknown_payment'
  | 'other_agent'
  | 'other_chain'
  | 'other_rail'
  | 'other_payee'
  | 'other_amount'
  | 'already_settled'
  | 'not_expected'
  | 'hold_missing';

export type Explanation =
  | { kind: 'payment'; payment: Payment; evidenceDiffers: boolean }
  | { kind: 'internal'; id: 'sweep' | 'withdraw' | 'before_watch' }
  | { kind: 'receivable'; receivable: Inbound }
  | { kind: 'unexplained'; doubt: Doubt; payment: Payment | null };

const unexplained = (doubt: Doubt, payment: Payment | null = null): Explanation => ({
  kind: 'unexplained',
  doubt,
  payment,
});

/** Explains a transfer by the log that announced it and by the decision. Writes nothing. */
export async function explain(
  tx: ReadTx,
  pair: Pair,
  book: AddressBook,
  block: { chainId: number; timestampS: number },
): Promise<Explanation> {
  const { transfer, claim } = pair;
  const from = book.party(transfer.from);
  if (!from) {
    const to = book.party(transfer.to);
    invariant(to, 'A transfer between outsiders was about to be booked.');
    const inflow = inflowOf(pair, to, block);
    return { kind: 'receivable', receivable: await classifyInflow(tx, inflow, to.treasury) };
  }
  if (claim === null) {
    const isSweep = from.place === 'purse' && transfer.to === from.wallet;
    return isSweep ? { kind: 'internal', id: 'sweep' } : unexplained('no_claim');
  }
  if (claim.type === 'withdrawn') return { kind: 'internal', id: 'withdraw' };
  const payment =
    claim.type === 'executed'
      ? await findPaymentByChainKey(tx, claim.chainKey, from.agentId)
      : await findSigned(tx, claim);
  if (!payment) return unexplained('unknown_payment');
  const doubt = doubtOf(payment, transfer, from, block.chainId);
  if (doubt) return unexplained(doubt, payment);
  return { kind: 'payment', payment, evidenceDiffers: claim.type === 'executed' && !sameEvidence(claim, payment) };
}

async function findSigned(tx: ReadTx, claim: AuthorizationFact): Promise<Payment | undefined> {
  const row = await tx.get(paymentOfNonce, { nonce: claim.nonce, purse: claim.purse });
  return row && (await findPayment(tx, row.payment_id));
}

/** Returns the first difference between the transfer and the payment, or null. */
function doubtOf(payment: Payment, transfer: TransferFact, from: Party, chainId: number): Doubt | null {
  if (payment.agentId !== from.agentId) return 'other_agent';
  if (payment.chainId !== chainId) return 'other_chain';
  if (payment.rail !== (from.place === 'wallet' ? 'wallet' : 'x402')) return 'other_rail';
  if (payment.address !== transfer.to) return 'other_payee';
  if (payment.amount !== transfer.amount) return 'other_amount';
  if (payment.state === 'settled' || payment.state === 'final') return 'already_settled';
  // Denied, in review, or ended: the payment holds no money, so the transfer must not use it.
  if (next(payment.state, 'settle') === null) return 'not_expected';
  return null;
}

function sameEvidence(claim: ExecutedFact, payment: Payment): boolean {
  const digest = `0x${payment.policyDigest.replace(/^sha256:/, '')}`;
  return (
    claim.policyDigest.toLowerCase() === digest.toLowerCase() &&
    claim.decisionHash.toLowerCase() === payment.decisionHash.toLowerCase()
  );
}
