import type { Address, Hex } from 'viem';
import { statement } from '../../store/statement.ts';

export const paymentById = statement<{ id: string }>()((db, p) =>
  db.selectFrom('payments').selectAll().where('id', '=', p.id),
);
export const newAuthorization = statement<{
  payment: string;
  chain: number;
  purse: Address;
  nonce: Hex;
  payTo: Address;
  value: bigint;
  validAfter: bigint;
  validBefore: bigint;
  payload: string;
  resource: string;
  epoch: bigint | number;
}>()((db, p) =>
  db.insertInto('x402_authorizations').values({
    payment_id: p.payment,
    chain_id: p.chain,
    purse: p.purse,
    nonce: p.nonce,
    pay_to: p.payTo,
    value_micro: p.value,
    valid_after_s: p.validAfter,
    valid_before_s: p.validBefore,
    payload_json: p.payload,
    resource_json: p.resource,
    epoch: p.epoch,
  }),
);
export const authorizationOf = statement<{ payment: string }>()((db, p) =>
  db.selectFrom('x402_authorizations').select(['payload_json', 'valid_before_s']).where('payment_id', '=', p.payment),
);
export const setReported = statement<{ payment: string; reported: string }>()((db, p) =>
  db.updateTable('x402_authorizations').set({ reported_json: p.reported }).where('payment_id', '=', p.payment),
);

/** Purchases that were authorized before a given time and never signed. */
export const neverSigned = statement<{ before: number; limit: number }>()((db, p) =>
  db
    .selectFrom('payments as p')
    .selectAll('p')
    .where('p.state', '=', 'authorized')
    .where('p.rail', '=', 'x402')
    .where('p.updated_at', '<', p.before)
    .where(({ exists, not, selectFrom }) =>
      not(exists(selectFrom('x402_authorizations as a').select('a.payment_id').whereRef('a.payment_id', '=', 'p.id'))),
    )
    .orderBy('p.id')
    .limit(p.limit),
);
