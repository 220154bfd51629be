import { prefixes } from '../ids/ids.ts';
import type { ReadTx } from '../store/store.ts';

const operators = {
  [prefixes.approver]: `SELECT 1 FROM approvers WHERE id = ? AND status = 'active'
       AND EXISTS (SELECT 1 FROM json_each(roles_json) WHERE value = 'operator')`,
  // By the groups at the last sign-in, or by the approver whom the e-mail address names.
  [prefixes.person]: `SELECT 1 FROM people WHERE id = ? AND status = 'active' AND (role = 'operator' OR EXISTS (
       SELECT 1 FROM approvers, json_each(roles_json)
       WHERE approvers.email = people.email AND approvers.status = 'active' AND value = 'operator'))`,
  [prefixes.credential]: 'SELECT 1 FROM credentials WHERE id = ? AND revoked_at IS NULL',
} as const;

/**
 * Whether money may still move on the word of who asked earlier: a credential that is not revoked, or a person who is an operator
 * (see `session/roles.ts`): an active approver, or one who signed in by OIDC and is not blocked. Whoever else: no.
 */
export function mayStillPay(tx: ReadTx, actor: string): boolean {
  const sql = Object.entries(operators).find(([prefix]) => actor.startsWith(`${prefix}_`))?.[1];
  return sql !== undefined && tx.get(sql, actor) !== undefined;
}
