import { z } from 'zod';
import type { Act } from '../../books/ledger/audit.ts';
import { BursarError } from '../../core/errors/base.ts';
import type { Caller } from '../../decide/identity/caller.ts';
import type { App } from './app.ts';

export const status = z.enum(['active', 'frozen', 'revoked']);

export const actOf = (app: App, caller: Caller): Act => ({ actor: caller.actor, atMs: app.clock() });

/**
 * The agents whose data a caller may see: an agent's key only its own agent's (another's is `not_found`, so that ids cannot be
 * probed), people's keys any.
 */
export function visibleAgent(caller: Caller, asked: string | undefined): string | undefined {
  const own = caller.credential.agentId;
  if (own === null) return asked;
  if (asked !== undefined && asked !== own) throw new BursarError('not_found');
  return own;
}

/** Throws `not_found` when an agent's key asks for data of another agent. */
export function refuseForeign(caller: Caller, agentId: string): void {
  if (caller.credential.agentId !== null && caller.credential.agentId !== agentId) throw new BursarError('not_found');
}
