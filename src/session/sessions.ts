import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { type Hex, hashMessage, isHex } from 'viem';
import { parseSiweMessage, validateSiweMessage } from 'viem/siwe';
import { BursarError } from '../errors/base.ts';
import { type Approver, findApproverByAddress, getApprover } from '../identity/approvers.ts';
import { appendEvent } from '../ledger/events.ts';
import type { Caller } from '../operation/operation.ts';
import type { ReadTx, Store } from '../store/store.ts';
import { verifyDigest } from '../wallet/approval.ts';
import type { Chain } from '../wallet/chain.ts';
import { createNonces, NONCE_MS } from './nonces.ts';
import { consoleRole, scopesOf } from './roles.ts';

/** A working day: after it, people sign in again. */
export const SESSION_MS = 12 * 3_600_000;
/** A person on several devices; the oldest session ends when one more starts. */
const SESSIONS_PER_APPROVER = 10;
const CLOCK_SKEW_MS = 60_000;

export type Session = { approver: Approver; caller: Caller; csrf: string; expiresAtMs: number };

export type Sessions = {
  nonce(): string;
  /**
   * EIP-4361: checks the message against this server (domain, URI, chain, nonce, times) and the signature against an active
   * approver's address (ERC-1271 too). Gives a new cookie value, always. Throws `sign_in_refused`, `chain_unavailable`.
   */
  signIn(input: { message: string; signature: string; origin: string; before: string | null }): Promise<string>;
  /** Who stands behind the cookie now. Throws `unauthenticated`: unknown, ended, expired, or the approver was revoked. */
  resolve(token: string): Session;
  end(token: string): Promise<void>;
};

export function openSessions(options: { store: Store; chain: Chain; chainId: number; clock: () => number }): Sessions {
  const { store, chain, chainId, clock } = options;
  const nonces = createNonces();

  function resolve(token: string): Session {
    const nowMs = clock();
    return store.read((tx) => {
      const row = tx.get<{ approver_id: string; created_at: bigint; expires_at: bigint }>(
        'SELECT approver_id, created_at, expires_at FROM sessions WHERE token_hash = ? AND ended_at IS NULL AND expires_at > ?',
        hash(token),
        nowMs,
      );
      const approver = row && getApprover(tx, row.approver_id);
      if (!row || approver?.status !== 'active') {
        throw new BursarError('unauthenticated', { message: 'There is no such session. Sign in.' });
      }
      const [createdAtMs, expiresAtMs] = [Number(row.created_at), Number(row.expires_at)];
      return { approver, caller: callerFor(approver, createdAtMs, expiresAtMs), csrf: csrfOf(token), expiresAtMs };
    });
  }

  return {
    nonce: () => nonces.make(clock()),
    resolve,
    signIn: async ({ message, signature, origin, before }) => {
      const nowMs = clock();
      const said = parseSiweMessage(message);
      const problem = problemOf(said, { origin, chainId, nowMs, fresh: (nonce) => nonces.isFresh(nonce, nowMs) });
      if (problem !== null) throw refused(problem);
      const { address, nonce } = said;
      if (address === undefined || nonce === undefined || !isHex(signature)) throw refused('It is not complete.');
      const approver = store.read((tx) => activeApprover(tx, address));
      const check = await verifyDigest(chain, approver.address, hashMessage(message), signature as Hex);
      if (!check.valid) throw refused("The signature is not this address's over this message.");
      if (!nonces.take(nonce, nowMs)) throw refused('The nonce is used or stale.');
      const token = randomBytes(32).toString('base64url');
      await store.write((tx) => {
        const { id } = activeApprover(tx, address);
        if (before !== null) tx.run('UPDATE sessions SET ended_at = ? WHERE token_hash = ?', nowMs, hash(before));
        tx.run('DELETE FROM sessions WHERE expires_at <= ?', nowMs);
        tx.run(
          `UPDATE sessions SET ended_at = ? WHERE token_hash IN (SELECT token_hash FROM sessions
           WHERE approver_id = ? AND ended_at IS NULL ORDER BY created_at DESC LIMIT -1 OFFSET ?)`,
          nowMs,
          id,
          SESSIONS_PER_APPROVER - 1,
        );
        tx.run(
          'INSERT INTO sessions (token_hash, approver_id, created_at, expires_at) VALUES (?, ?, ?, ?)',
          hash(token),
          id,
          nowMs,
          nowMs + SESSION_MS,
        );
        appendEvent(tx, { type: 'session.started', actor: id, data: { address, role: consoleRole(approver) } }, nowMs);
      });
      return token;
    },
    end: async (token) => {
      const nowMs = clock();
      await store.write((tx) => {
        const row = tx.get<{ approver_id: string }>(
          'SELECT approver_id FROM sessions WHERE token_hash = ? AND ended_at IS NULL',
          hash(token),
        );
        if (!row) return;
        tx.run('UPDATE sessions SET ended_at = ? WHERE token_hash = ?', nowMs, hash(token));
        appendEvent(tx, { type: 'session.ended', actor: row.approver_id }, nowMs);
      });
    },
  };
}

type Said = ReturnType<typeof parseSiweMessage>;

/** What is wrong with the message for this server, or null. */
function problemOf(
  said: Said,
  here: { origin: string; chainId: number; nowMs: number; fresh: (nonce: string) => boolean },
): string | null {
  const { host } = new URL(here.origin);
  if (said.domain !== host) return `It is for another domain than ${host}.`;
  if (said.uri === undefined || !URL.canParse(said.uri) || new URL(said.uri).origin !== here.origin) {
    return `It is for another URI than ${here.origin}.`;
  }
  if (said.chainId !== here.chainId) return `It is for another chain than ${here.chainId}.`;
  if (said.version !== '1') return 'It is not version 1.';
  if (said.nonce === undefined || !here.fresh(said.nonce)) return 'The nonce is unknown, used or stale.';
  const issued = said.issuedAt?.getTime() ?? Number.NaN;
  // The nonce carries the server's own time; this catches only what is plainly from elsewhere.
  if (Number.isNaN(issued) || Math.abs(here.nowMs - issued) > 60 * CLOCK_SKEW_MS + NONCE_MS)
    return 'Its time is not now.';
  if (!validateSiweMessage({ message: said, time: new Date(here.nowMs) })) return 'It is expired or not valid yet.';
  return null;
}

function activeApprover(tx: ReadTx, address: string): Approver {
  const approver = findApproverByAddress(tx, address);
  if (approver?.status !== 'active') throw refused('The address is not that of an active approver.');
  return approver;
}

/** A session acts as the approver, with what the approver's roles allow now. */
function callerFor(approver: Approver, createdAtMs: number, expiresAtMs: number): Caller {
  const role = consoleRole(approver);
  return {
    actor: approver.id,
    credential: {
      id: approver.id,
      role: role === 'operator' || role === 'approver' ? 'operator' : 'auditor',
      agentId: null,
      name: approver.name,
      scopes: scopesOf(role),
      createdAtMs,
      expiresAtMs,
      revokedAtMs: null,
    },
  };
}

const refused = (message: string): BursarError => new BursarError('sign_in_refused', { message });
const hash = (token: string): string => createHash('sha256').update(token).digest('hex');

/** Follows from the cookie, which scripts of the page cannot read: only our own server can give it to our own page. */
export const csrfOf = (token: string): string => createHash('sha256').update('csrf ').update(token).digest('base64url');

export function isCsrf(token: string, given: string | undefined): boolean {
  const wanted = Buffer.from(csrfOf(token));
  const said = Buffer.from(given ?? '');
  return said.length === wanted.length && timingSafeEqual(said, wanted);
}
