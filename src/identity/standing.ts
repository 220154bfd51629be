import { prefixes } from '../ids/ids.ts';
import type { ReadTx } from '../store/store.ts';

/**
 * Whether money may still move on the word of who asked earlier: a credential that is not revoked, or an active approver who is an
 * operator (see `session/roles.ts`). Whoever else: no.
 */
export function mayStillPay(tx: ReadTx, actor: string): boolean {
  const sql = actor.startsWith(`${prefixes.approver}_`)
    ? `SELECT 1 FROM approvers WHERE id = ? AND status = 'active'
       AND EXISTS (SELECT 1 FROM json_each(roles_json) WHERE value = 'operator')`
    : 'SELECT 1 FROM credentials WHERE id = ? AND revoked_at IS NULL';
  return tx.get(sql, actor) !== undefined;
}
