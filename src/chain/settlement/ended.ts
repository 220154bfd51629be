import type { Payment } from '../../decide/payments/payment.ts';
import { toPayment } from '../../decide/payments/records.ts';
import type { ReadTx } from '../../store/store.ts';
import { revertText } from '../contracts/reverts.ts';
import type { DropReason } from '../relayer/transactions.ts';
import { ended } from './queries.ts';

/** A payment that still waits, whose newest transaction was refused by the simulation or reverted at a final block. */
export type Ended = {
  payment: Payment;
  transactionId: bigint;
  /** Null: it was mined and reverted. */
  dropped: DropReason | null;
  /** What the contract or the node said, decoded. Null where nothing was said. */
  said: string | null;
  /** Payments in that transaction. */
  together: number;
  /** How often a transaction that carried it was mined and reverted. */
  reverts: number;
  /** Something was signed for it that could be mined later: it must not be given up. */
  mayComeLater: boolean;
};

/** The oldest transactions first. `except`: payments that are not to be looked at yet. */
export async function endedPayments(tx: ReadTx, except: readonly string[], limit: number): Promise<Ended[]> {
  return (await tx.all(ended, { except, limit })).map((row) => ({
    payment: toPayment(row),
    transactionId: row.t_id,
    dropped: row.t_reason,
    said: row.t_detail !== null && row.t_reason !== 'no_contract' ? revertText(row.t_detail) : null,
    together: Number(row.together),
    reverts: Number(row.reverts),
    mayComeLater: row.gapped > 0n,
  }));
}
