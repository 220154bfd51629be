import type { Approver } from '../identity/approvers.ts';
import { type Scope, scopes } from '../identity/credentials.ts';

export const consoleRoles = ['operator', 'auditor', 'viewer', 'approver'] as const;
export type ConsoleRole = (typeof consoleRoles)[number];

/** What an approver may do in the console follows from the approver's roles; auditor and viewer change nothing, whatever else they are. */
export function consoleRole({ roles }: Pick<Approver, 'roles'>): ConsoleRole {
  if (roles.includes('operator')) return 'operator';
  if (roles.includes('auditor')) return 'auditor';
  return roles.includes('viewer') ? 'viewer' : 'approver';
}

export function scopesOf(role: ConsoleRole): Scope[] {
  if (role === 'operator') return [...scopes];
  return role === 'approver' ? ['read', 'approve'] : ['read'];
}
