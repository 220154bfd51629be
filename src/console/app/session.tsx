import { createContext, useContext } from 'react';

export type Me = {
  /** An approver's id, or the id of a person who signed in by OIDC. */
  id: string;
  name: string;
  email: string | null;
  via: 'ethereum' | 'oidc';
  /** The signing address; null for a person whose e-mail address names no approver. */
  approver: { id: string; name: string; address: string; roles: string[]; sponsor: string | null } | null;
  role: 'operator' | 'auditor' | 'viewer' | 'approver';
  scopes: string[];
  csrf: string;
  expires_at: string;
  chain: { id: number; network: string; usdc: string };
  version: string;
};

export const MeContext = createContext<Me | null>(null);

/** The signed-in person. Only pages behind the sign-in use it. */
export function useMe(): Me {
  const me = useContext(MeContext);
  if (me === null) throw new Error('Nobody is signed in.');
  return me;
}

export const can = (me: Me, scope: string): boolean => me.scopes.includes(scope);
