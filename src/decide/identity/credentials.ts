import { randomBytes } from 'node:crypto';
import { type Act, recordAct } from '../../books/ledger/audit.ts';
import { BursarError } from '../../core/errors/base.ts';
import { sha256 } from '../../core/ids/digest.ts';
import { newId } from '../../core/ids/ids.ts';
import type { RowIn } from '../../store/schema/schema.ts';
import type { ReadTx, Tx } from '../../store/store.ts';
import {
  allCredentials,
  credentialByHash,
  credentialById,
  endCredentialBy,
  newCredential,
  revokeById,
} from './accessQueries.ts';

export const roles = ['operator', 'auditor', 'agent'] as const;
export type Role = (typeof roles)[number];

/**
 * The scopes of a key. `pay` requests payments and reads the agent's own; `read` only reads, `audit` also what operators and
 * approvers read. These and the others are for people: an agent's key can have only `pay` and `read`.
 */
export const scopes = ['pay', 'read', 'admin', 'policy', 'approve', 'audit'] as const;
export type Scope = (typeof scopes)[number];
const allowed: Record<Role, readonly Scope[]> = {
  operator: scopes,
  auditor: ['read', 'audit'],
  agent: ['pay', 'read'],
};

export type Credential = {
  id: string;
  role: Role;
  agentId: string | null;
  name: string;
  scopes: Scope[];
  createdAtMs: number;
  expiresAtMs: number | null;
  revokedAtMs: number | null;
};
const ms = (value: bigint | null): number | null => (value === null ? null : Number(value));
const toCredential = (row: RowIn<'credentials'>): Credential => ({
  id: row.id,
  role: row.role,
  agentId: row.agent_id,
  name: row.name,
  scopes: JSON.parse(row.scopes_json) as Scope[],
  createdAtMs: Number(row.created_at),
  expiresAtMs: ms(row.expires_at),
  revokedAtMs: ms(row.revoked_at),
});

const KEY_PATTERN = /^bursar_(op|au|ag)_[A-Za-z0-9_-]{43}$/;
const marks: Record<Role, string> = { operator: 'op', auditor: 'au', agent: 'ag' };

/** Makes a key. The secret is 256 random bits, returned once and stored only as its sha-256. */
export async function createCredential(
  tx: Tx,
  act: Act,
  input: {
    role: Role;
    agentId: string | null;
    name: string;
    scopes?: Scope[] | undefined;
    expiresAtMs?: number | null | undefined;
    rotatedFrom?: string;
  },
): Promise<{ credential: Credential; key: string }> {
  const granted = input.scopes ?? [...allowed[input.role]];
  const excess = granted.filter((scope) => !allowed[input.role].includes(scope));
  if (excess.length > 0 || granted.length === 0) {
    throw new BursarError('invalid_request', {
      message: `A key of role ${input.role} may hold only: ${allowed[input.role].join(', ')}.`,
      details: { excess },
    });
  }
  if (input.expiresAtMs != null && input.expiresAtMs <= act.atMs) {
    throw new BursarError('invalid_request', { message: 'The key would be expired already.' });
  }
  const id = newId('credential');
  const key = `bursar_${marks[input.role]}_${randomBytes(32).toString('base64url')}`;
  await tx.run(newCredential, {
    id,
    role: input.role,
    agent: input.agentId,
    name: input.name,
    hash: sha256(key),
    scopes: JSON.stringify(granted),
    at: act.atMs,
    expires: input.expiresAtMs ?? null,
    rotatedFrom: input.rotatedFrom ?? null,
  });
  await recordAct(tx, act, {
    type: input.rotatedFrom ? 'credential.rotated' : 'credential.created',
    agentId: input.agentId,
    data: {
      credential: id,
      role: input.role,
      name: input.name,
      scopes: granted,
      rotated_from: input.rotatedFrom ?? null,
    },
  });
  return { credential: await getCredential(tx, id), key };
}

/** The valid credential of a key. Throws `unauthenticated`, the same for each cause. */
export async function authenticate(tx: ReadTx, key: string, atMs: number): Promise<Credential> {
  const [credential] = await authenticateEach(tx, [key], atMs);
  if (!credential) throw new BursarError('unauthenticated');
  return credential;
}

/** The valid credentials of keys, in their order; null for a key that is unknown, malformed, expired or revoked. */
export async function authenticateEach(
  tx: ReadTx,
  keys: readonly string[],
  atMs: number,
): Promise<(Credential | null)[]> {
  const wellFormed = keys.filter((key) => KEY_PATTERN.test(key));
  const rows = await tx.getEach(
    credentialByHash,
    wellFormed.map((key) => ({ hash: sha256(key) })),
  );
  const valid = new Map<string, Credential>();
  for (const [index, row] of rows.entries()) {
    if (row && isValid(row, atMs)) valid.set(wellFormed[index] as string, toCredential(row));
  }
  return keys.map((key) => valid.get(key) ?? null);
}

const isValid = ({ revoked_at: revokedAt, expires_at: expiresAt }: RowIn<'credentials'>, atMs: number): boolean =>
  revokedAt === null && (expiresAt === null || Number(expiresAt) > atMs);

/** Replaces a key by a new one; the old one stays valid for `graceMs`, so that nothing is interrupted. */
export async function rotateCredential(
  tx: Tx,
  act: Act,
  id: string,
  graceMs: number,
): Promise<{ credential: Credential; key: string }> {
  const old = await getCredential(tx, id);
  if (old.revokedAtMs !== null) throw new BursarError('conflict', { message: 'The key is revoked.' });
  const made = await createCredential(tx, act, {
    role: old.role,
    agentId: old.agentId,
    name: old.name,
    scopes: old.scopes,
    expiresAtMs: old.expiresAtMs !== null && old.expiresAtMs > act.atMs ? old.expiresAtMs : null,
    rotatedFrom: old.id,
  });
  await tx.run(endCredentialBy, { id: old.id, end: act.atMs + graceMs });
  return made;
}

export async function revokeCredential(tx: Tx, act: Act, id: string): Promise<Credential> {
  const credential = await getCredential(tx, id);
  await tx.run(revokeById, { id: credential.id, at: act.atMs });
  await recordAct(tx, act, {
    type: 'credential.revoked',
    agentId: credential.agentId,
    data: { credential: credential.id },
  });
  return getCredential(tx, credential.id);
}

async function getCredential(tx: ReadTx, id: string): Promise<Credential> {
  const row = await tx.get(credentialById, { id });
  if (!row) throw new BursarError('not_found', { details: { credential: id } });
  return toCredential(row);
}

export async function listCredentials(tx: ReadTx): Promise<Credential[]> {
  return (await tx.all(allCredentials)).map(toCredential);
}
