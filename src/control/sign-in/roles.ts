import type { Approver } from '../../decide/identity/approvers.ts';
import { type Scope, scopes } from '../../decide/identity/credentials.ts';
import type { GroupRole } from '../../decide/identity/people.ts';

export const consoleRoles = ['operator', 'auditor', 'viewer', 'approver'] as const;
export type ConsoleRole = (typeof consoleRoles)[number];

/**
 * The rights of an approver in the console follow from the roles; auditor and viewer change nothing, whatever other roles there
 * are.
 */
export function consoleRole({ roles }: Pick<Approver, 'roles'>): ConsoleRole {
  if (roles.includes('operator')) return 'operator';
  if (roles.includes('auditor')) return 'auditor';
  return roles.includes('viewer') ? 'viewer' : 'approver';
}

/**
 * The rights of a person who signed in by OIDC: those of the groups, and those of the approver whom the e-mail address names. Null:
 * none. Often everyone is in the viewers' group, so it takes no rights from an approver; the auditors' group does.
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
