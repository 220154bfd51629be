import type { RowIn } from '../../store/schema/schema.ts';
import { statement } from '../../store/statement.ts';

export const newDecision = statement<{
  payment: string;
  hash: string;
  digest: string;
  effect: RowIn<'decisions'>['effect'];
  at: number;
  result: string;
  input: string;
}>()((db, p) =>
  db.insertInto('decisions').values({
    payment_id: p.payment,
    hash: p.hash,
    policy_digest: p.digest,
    effect: p.effect,
    decided_at: p.at,
    result_json: p.result,
    input_json: p.input,
  }),
);
export const newestDecision = statement<{ payment: string }>()((db, p) =>
  db.selectFrom('decisions').select('hash').where('payment_id', '=', p.payment).orderBy('seq', 'desc').limit(1),
);

export const newApproval = statement<{
  id: string;
  payment: string;
  approver: string;
  verdict: RowIn<'approvals'>['verdict'];
  signature: string;
  typedData: string;
  expires: number;
  at: number;
  reason: string | null;
  counts: number;
}>()((db, p) =>
  db.insertInto('approvals').values({
    id: p.id,
    payment_id: p.payment,
    approver_id: p.approver,
    verdict: p.verdict,
    signature: p.signature,
    typed_data_json: p.typedData,
    expires_at: p.expires,
    signed_at: p.at,
    reason: p.reason,
    counts: p.counts,
  }),
);
type Answer = { payment: string; approver: string };
export const approvalOf = statement<Answer>()((db, p) =>
  db.selectFrom('approvals').select('id').where('payment_id', '=', p.payment).where('approver_id', '=', p.approver),
);
export const removeApprovalOf = statement<Answer>()((db, p) =>
  db.deleteFrom('approvals').where('payment_id', '=', p.payment).where('approver_id', '=', p.approver),
);
export const liveApprovers = statement<{ payment: string; at: number }>()((db, p) =>
  db
    .selectFrom('approvals as a')
    .innerJoin('approvers as r', 'r.id', 'a.approver_id')
    .select(['r.id', 'r.address', 'r.roles_json', 'r.sponsor_id'])
    .where('a.payment_id', '=', p.payment)
    .where('a.verdict', '=', 'approve')
    .where('a.expires_at', '>', p.at)
    .where('r.status', '=', 'active')
    .orderBy('r.address'),
);

export const ownersOfAddress = statement<{ address: string }>()((db, p) =>
  db
    .selectFrom('payee_addresses')
    .select((eb) => eb.fn.countAll<bigint>().as('n'))
    .where('address', '=', p.address)
    .where('retired_at', 'is', null),
);

export const identityEpoch = statement()((db) => db.selectFrom('identity_epoch').select('epoch'));
