import type { Address, Hex } from 'viem';
import { statement } from '../../store/statement.ts';

type Authorization = { invoice: string; chain: number; payer: Address; nonce: Hex };

/** The transaction by which an authorization paid an invoice, by the books or by the facilitator. */
export const paidBy = statement<Authorization>()((db, p) =>
  db
    .selectFrom('receivables')
    .select('tx_hash')
    .where('invoice_id', '=', p.invoice)
    .where('sale_nonce', '=', p.nonce)
    .where('state', '<>', 'orphaned')
    .$castTo<{ tx_hash: string | null }>()
    .unionAll(
      db
        .selectFrom('x402_settlements')
        .select('tx_hash')
        .where('chain_id', '=', p.chain)
        .where('payer', '=', p.payer)
        .where('nonce', '=', p.nonce)
        .where('state', '=', 'settled')
        .$castTo<{ tx_hash: string | null }>(),
    )
    .limit(1),
);
/** Pending payments of an invoice, without a given one: their number, and when the first of them expires. */
export const othersExpected = statement<{ invoice: string; payer: Address; nonce: Hex; nowS: number }>()((db, p) =>
  db
    .selectFrom('expected_sales')
    .select(({ fn }) => [fn.countAll<bigint>().as('n'), fn.min<bigint | null>('valid_before_s').as('until')])
    .where('invoice_id', '=', p.invoice)
    .where('state', '=', 'expected')
    .where('valid_before_s', '>', p.nowS)
    .where(({ eb, and, not }) => not(and([eb('payer', '=', p.payer), eb('nonce', '=', p.nonce)]))),
);
