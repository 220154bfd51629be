import type { Hex } from 'viem';
import { invariant } from '../../core/errors/base.ts';
import type { PaymentId } from '../../core/ids/ids.ts';
import { mapInOrder } from '../../core/inOrder.ts';
import type { ReadTx } from '../../store/store.ts';
import { revertText } from '../contracts/reverts.ts';
import { paymentsOfTransaction, transactionOf, transactionsFor, transactionsOfPayment } from './queries.ts';
import type { DropReason, TransactionRow } from './transactions.ts';

/** The result of a transaction. `mined` can still be undone by a reorg, `final` and `dropped` cannot. */
export type TransactionOutcome =
  | { kind: 'queued' }
  | { kind: 'pending'; nonce: bigint }
  | {
      kind: 'mined' | 'final';
      /** False: it reverted. It used its nonce and its gas, and moved no money. */
      succeeded: boolean;
      nonce: bigint;
      txHash: Hex;
      blockNumber: bigint;
      blockHash: Hex;
      gasUsed: bigint;
      gasPriceWei: bigint;
    }
  /** `detail`: a text for people, with revert reasons decoded. */
  | { kind: 'dropped'; reason: DropReason; detail: string | null };

export type TransactionReport = {
  transactionId: bigint;
  purpose: string;
  paymentIds: PaymentId[];
  outcome: TransactionOutcome;
};

/** Whether it can still move money. What was signed on an invented nonce can be mined one day, though it was given up. */
export function mayBeMined(outcome: TransactionOutcome): boolean {
  if (outcome.kind === 'dropped') return outcome.reason === 'nonce_gap';
  return outcome.kind !== 'final' || outcome.succeeded;
}

/** Null for an unknown id. */
export async function outcomeOf(tx: ReadTx, transactionId: bigint): Promise<TransactionOutcome | null> {
  const row = await tx.get(transactionOf, { id: transactionId });
  return row ? outcome(row) : null;
}

/** All transactions that carried the payment, newest first: there is a second one if the first was dropped. */
export async function outcomesOfPayment(tx: ReadTx, paymentId: PaymentId): Promise<TransactionReport[]> {
  const rows = await tx.all(transactionsOfPayment, { payment: paymentId });
  return mapInOrder(rows, (row) => report(tx, row));
}

/** All transactions of that purpose, the newest first: `deploy:agt_…`. */
export async function outcomesByPurpose(tx: ReadTx, purpose: string): Promise<TransactionReport[]> {
  const rows = await tx.all(transactionsFor, { purpose });
  return mapInOrder(rows, (row) => report(tx, row));
}

async function report(tx: ReadTx, row: TransactionRow): Promise<TransactionReport> {
  const payments = await tx.all(paymentsOfTransaction, { id: row.id });
  return {
    transactionId: row.id,
    purpose: row.purpose,
    paymentIds: payments.map(({ payment_id }) => payment_id as PaymentId),
    outcome: outcome(row),
  };
}

function outcome(row: TransactionRow): TransactionOutcome {
  switch (row.state) {
    case 'queued':
      return { kind: 'queued' };
    case 'pending':
      invariant(row.nonce !== null, 'A pending transaction has a nonce');
      return { kind: 'pending', nonce: row.nonce };
    case 'mined':
    case 'final':
      invariant(row.nonce !== null && row.mined_hash !== null, 'A mined transaction has a nonce and a hash');
      invariant(row.block_hash !== null && row.block_number !== null, 'A mined transaction has a block');
      return {
        kind: row.state,
        succeeded: row.succeeded === 1n,
        nonce: row.nonce,
        txHash: row.mined_hash,
        blockNumber: row.block_number,
        blockHash: row.block_hash,
        gasUsed: row.gas_used ?? 0n,
        gasPriceWei: BigInt(row.gas_price_wei ?? '0'),
      };
    case 'dropped':
      invariant(row.drop_reason !== null, 'A dropped transaction has a reason');
      return { kind: 'dropped', reason: row.drop_reason, detail: detailOf(row) };
    default:
      return row.state satisfies never;
  }
}

/** Decoded: revert data itself stays in the row. */
function detailOf({ drop_reason: reason, drop_detail: detail }: TransactionRow): string | null {
  return detail !== null && (reason === 'refused' || reason === 'withheld') ? revertText(detail) : detail;
}
