import { appendEvent, type EventType } from '../../books/ledger/events.ts';
import { type Account, post } from '../../books/ledger/journal.ts';
import { releaseFromMeters } from '../../books/meters/meters.ts';
import { addPassedOn } from '../../books/receivables/earnings.ts';
import { BursarError, invariant } from '../../core/errors/base.ts';
import { isPassThrough } from '../../core/payment/kinds.ts';
import { holdsMoney, next, type TransitionEvent } from '../../core/payment/states.ts';
import type { Tx } from '../../store/store.ts';
import { recordSettlement } from './history.ts';
import { heldAccount, releaseHold } from './hold.ts';
import type { Payment, Settlement } from './payment.ts';
import { setFinalSettled, setSettled, setState, setUnsettled } from './queries.ts';
import { eventOfPayment } from './record.ts';
import { findPayment } from './records.ts';

export type TransitionContext = {
  /** A credential or approver id, or `bursar`. */
  actor: string;
  /** The server's timestamp, epoch ms. */
  atMs: number;
  /** Goes into the event: why, with figures. */
  data?: Record<string, unknown>;
};

const eventNames = {
  approve: 'payment.approved',
  reject: 'payment.rejected',
  lapse: 'payment.expired',
  cancel: 'payment.cancelled',
  submit: 'payment.submitted',
  finalize: 'payment.final',
  fail: 'payment.failed',
} as const satisfies Record<Exclude<TransitionEvent, 'settle' | 'reorg'>, EventType>;

/**
 * Moves a payment along the state table; the only code that writes `payments.state`, beside the approval that the gate decides. Leaving a holding state gives the money
 * and the meters back. Throws `invalid_transition` where the table has no such pair or the state has changed meanwhile.
 */
export async function transition(
  tx: Tx,
  payment: Payment,
  event: keyof typeof eventNames,
  context: TransitionContext,
): Promise<Payment> {
  const state = await move(tx, payment, event, context.atMs);
  if (holdsMoney[payment.state] && !holdsMoney[state] && event !== 'finalize') {
    await releaseHold(tx, payment, context.atMs);
    await releaseFromMeters(tx, payment.id);
    if (isPassThrough[payment.kind]) await addPassedOn(tx, payment.agentId, -payment.amount);
  }
  await appendPaymentEvent(tx, payment, eventNames[event], context);
  return reread(tx, payment);
}

/**
 * The chain says that the payment's money moved. `credit` is where it arrived: another agent's account, the own purse for a
 * top-up, else external; one journal entry moves both books.
 */
export async function settle(
  tx: Tx,
  payment: Payment,
  { settlement, credit }: { settlement: Settlement; credit: Account },
  context: TransitionContext,
): Promise<Payment> {
  invariant(payment.heldMicro === payment.amount, 'A payment settled for another amount than was held.', {
    payment: payment.id,
    held: payment.heldMicro.toString(),
  });
  await move(tx, payment, 'settle', context.atMs);
  await post(tx, {
    kind: 'settle',
    atMs: context.atMs,
    paymentId: payment.id,
    blockNumber: settlement.blockNumber,
    lines: [
      [heldAccount(payment), -payment.amount],
      [credit, payment.amount],
    ],
  });
  await tx.run(setSettled, {
    id: payment.id,
    tx: settlement.txHash,
    log: settlement.logIndex,
    block: settlement.blockNumber,
    blockHash: settlement.blockHash,
    at: settlement.settledAtMs,
  });
  await recordSettlement(tx, payment, settlement.settledAtMs);
  await appendPaymentEvent(tx, payment, 'payment.settled', {
    ...context,
    data: {
      ...context.data,
      tx_hash: settlement.txHash,
      log_index: settlement.logIndex,
      block: settlement.blockNumber.toString(),
    },
  });
  return reread(tx, payment);
}

/**
 * What was final is settled again, so that it can be undone: the one way out of `final`, and no event of a payment. Only where an
 * operator had the chain read again after a reorg below finality.
 */
export async function reopenFinal(tx: Tx, payment: Payment, atMs: number): Promise<Payment> {
  await tx.run(setFinalSettled, { id: payment.id, at: atMs });
  return reread(tx, payment);
}

/**
 * The block that held the settlement is gone: the books go back to the hold, and the stored transaction goes out again. The caller
 * then rebuilds the histories of all payments it undid (`rebuildHistory`).
 */
export async function unsettle(
  tx: Tx,
  payment: Payment,
  credit: Account,
  context: TransitionContext,
): Promise<Payment> {
  const settlement = payment.settlement;
  invariant(settlement, 'A payment without a settlement cannot be unsettled.', { payment: payment.id });
  await move(tx, payment, 'reorg', context.atMs);
  await post(tx, {
    kind: 'settle_reversed',
    atMs: context.atMs,
    paymentId: payment.id,
    blockNumber: settlement.blockNumber,
    lines: [
      [credit, -payment.amount],
      [heldAccount(payment), payment.amount],
    ],
  });
  await tx.run(setUnsettled, { id: payment.id });
  await appendPaymentEvent(tx, payment, 'payment.reorged', {
    ...context,
    data: { ...context.data, tx_hash: settlement.txHash, block: settlement.blockNumber.toString() },
  });
  return reread(tx, payment);
}

export async function appendPaymentEvent(
  tx: Tx,
  payment: Payment,
  type: EventType,
  context: TransitionContext,
): Promise<void> {
  await appendEvent(tx, eventOfPayment(payment, type, context.actor, context.data ?? {}), context.atMs);
}

async function move(tx: Tx, payment: Payment, event: TransitionEvent, atMs: number): Promise<Payment['state']> {
  const state = next(payment.state, event);
  const details = { payment: payment.id, state: payment.state, event };
  if (state === null) throw new BursarError('invalid_transition', { details });
  const changed = await tx.run(setState, { id: payment.id, from: payment.state, to: state, at: atMs });
  if (changed !== 1) throw new BursarError('invalid_transition', { details });
  return state;
}

async function reread(tx: Tx, payment: Payment): Promise<Payment> {
  const found = await findPayment(tx, payment.id);
  invariant(found, 'A payment vanished inside its transaction.', { payment: payment.id });
  return found;
}
