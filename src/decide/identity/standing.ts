import { prefixes } from '../../core/ids/ids.ts';
import type { ReadTx } from '../../store/store.ts';

const IS_OPERATOR = "EXISTS (SELECT 1 FROM json_each(roles_json) WHERE value = 'operator')";
const sqlOf: Record<string, string> = {
  [prefixes.credential]: 'SELECT 1 FROM credentials WHERE id = ? AND revoked_at IS NULL',
  [prefixes.approver]: `SELECT 1 FROM approvers WHERE id = ? AND status = 'active' AND ${IS_OPERATOR}`,
  [prefixes.person]: `SELECT 1 FROM people p WHERE id = ? AND status = 'active' AND (role = 'operator'
    OR EXISTS (SELECT 1 FROM approvers a WHERE a.email = p.email AND a.status = 'active' AND ${IS_OPERATOR}))`,
};

/**
 * Whether money may still move on the word of who asked earlier: a credential that is not revoked, an approver or a person of the
 * identity provider who is active and an operator now (see `session/roles.ts`). Anyone who else: no.
 */
export function mayStillPay(tx: ReadTx, actor: string): boolean {
  const sql = sqlOf[actor.split('_')[0] ?? ''];
  return sql !== undefined && tx.get(sql, actor) !== undefined;
}
