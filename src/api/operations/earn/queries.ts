import type { Address } from 'viem';
import { statement } from '../../../store/statement.ts';

/** The agent whose wallet or purse has that address. */
export const agentOfAddress = statement<{ chain: number; address: Address }>()((db, p) =>
  db
    .selectFrom('wallets')
    .select('agent_id')
    .where('chain_id', '=', p.chain)
    .where(({ eb, or }) => or([eb('address', '=', p.address), eb('purse_address', '=', p.address)])),
);
/** Payments that pass a receivable on: its refunds, or its splits. */
export const passedOnOf = statement<{ receivable: string; kind: 'refund' | 'split' }>()((db, p) =>
  db
    .selectFrom('payments')
    .select(['id', 'amount_micro', 'state', 'address'])
    .where('receivable_id', '=', p.receivable)
    .where('kind', '=', p.kind)
    .orderBy('id'),
);
