import { statement } from '../../store/statement.ts';

export const decisionsOfPayment = statement<{ payment: string }>()((db, p) =>
  db
    .selectFrom('decisions')
    .select(['hash', 'policy_digest', 'input_json as input', 'result_json as result', 'effect', 'decided_at'])
    .where('payment_id', '=', p.payment)
    .orderBy('seq'),
);
export const approvalSignatures = statement<{ payment: string }>()((db, p) =>
  db
    .selectFrom('approvals as a')
    .innerJoin('approvers as r', 'r.id', 'a.approver_id')
    .select(['r.address', 'a.typed_data_json', 'a.signature'])
    .where('a.payment_id', '=', p.payment)
    .where('a.verdict', '=', 'approve'),
);
export const mandateSignatures = statement<{ mandate: string }>()((db, p) =>
  db
    .selectFrom('mandate_signatures as s')
    .innerJoin('approvers as r', 'r.id', 's.approver_id')
    .select(['r.address', 's.typed_data_json', 's.signature'])
    .where('s.mandate_id', '=', p.mandate),
);
export const bundleOf = statement<{ digest: string }>()((db, p) =>
  db.selectFrom('policy_bundles').select('bundle').where('digest', '=', p.digest),
);
export const authorizationEpoch = statement<{ payment: string }>()((db, p) =>
  db.selectFrom('x402_authorizations').select('epoch').where('payment_id', '=', p.payment),
);
export const eventsCarrying = statement<{ payment: string }>()((db, p) =>
  db.selectFrom('events').select(['seq', 'body']).where('payment_id', '=', p.payment).orderBy('seq'),
);
