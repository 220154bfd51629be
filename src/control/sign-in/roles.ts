import type { Approver } from '../../decide/identity/approvers.ts';
import { type Scope, scopes } from '../../decide/identity/credentials.ts';
import type { GroupRole } from '../../decide/identity/people.ts';

export const consoleRoles = ['operator', 'auditor', 'viewer', 'approver'] as const;
export type ConsoleRole = (typeof consoleRoles)[number];

/** What an approver may do in the console follows from the approver's roles; auditor and viewer change nothing, whatever else they are. */
export function consoleRole({ roles }: Pick<Approver, 'roles'>): ConsoleRole {
  if (roles.includes('operator')) return 'operator';
  if (roles.includes('auditor')) return 'auditor';
  return roles.includes('viewer') ? 'viewer' : 'approver';
}

/**
 * What a person may do who came by OIDC: what the groups give, and what the approver may whom the e-mail address names. Null:
 * nothing. Everybody tends to be in the viewers' group, so it takes nothing from an approver; the auditors' group does.
 */
export function personRole(
  granted: readonly GroupRole[],
  approver: Pick<Approver, 'roles'> | null,
): ConsoleRole | null {
  if (approver === null) return granted.length === 0 ? null : consoleRole({ roles: [...granted] });
  return consoleRole({ roles: [...approver.roles, ...granted.filter((role) => role !== 'viewer')] });
}

export function scopesOf(role: ConsoleRole): Scope[] {
  if (role === 'operator') return [...scopes];
  if (role === 'auditor') return ['read', 'audit'];
  return role === 'approver' ? ['read', 'approve'] : ['read'];
}
