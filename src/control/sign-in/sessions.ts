import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { appendEvent } from '../../books/ledger/events.ts';
import type { Chain } from '../../chain/node/chain.ts';
import { BursarError } from '../../core/errors/base.ts';
import { type Approver, findApproverByEmail, getApprover } from '../../decide/identity/approvers.ts';
import type { Caller } from '../../decide/identity/caller.ts';
import { type GroupRole, getPerson, meetPerson, type Person } from '../../decide/identity/people.ts';
import type { RowOf } from '../../store/statement.ts';
import type { ReadTx, Store, Tx } from '../../store/store.ts';
import { createNonces } from './nonces.ts';
import type { Vouched } from './oidc/oidc.ts';
import type { OidcSettings } from './oidc/settings.ts';
import { openSharedOnce } from './once.ts';
import { deleteExpired, endOlder, endSession, liveSession, newSession, unendedSession } from './queries.ts';
import { type ConsoleRole, consoleRole, personRole, scopesOf } from './roles.ts';
import { activeApprover, checkSiwe, type SiweInput } from './siwe.ts';

/** A working day, after which people sign in again. */
export const SESSION_MS = 12 * 3_600_000;
/** The sessions of one person on several devices; the oldest ends when another starts. */
const SESSIONS_EACH = 10;

export type Session = {
  /** The approver whose wallet signed, or whom the person's e-mail address names. */
  approver: Approver | null;
  /** The person who signed in by OIDC. */
  person: Person | null;
  role: ConsoleRole;
  caller: Caller;
  csrf: string;
  expiresAtMs: number;
};

/** `before`: the browser's earlier cookie; its session ends, so that an attacker cannot plant one. */
type Before = { before: string | null };

export type Sessions = {
  nonce(): Promise<string>;
  /** See `checkSiwe`. Always returns a new cookie value. Throws as it does. */
  signIn(input: SiweInput & Before): Promise<string>;
  /**
   * Starts a session of a person whom the identity provider authenticated. Always returns a new cookie value. Throws
   * `person_unknown`, `person_blocked`.
   */
  signInVouched(who: Vouched, options: Before): Promise<string>;
  /**
   * Returns the holder of the cookie now. Throws `unauthenticated` for an unknown, ended or expired session, or a holder without
   * rights.
   */
  resolve(token: string): Promise<Session>;
  end(token: string): Promise<void>;
};

type Who = Pick<Session, 'approver' | 'person' | 'role'>;

export function openSessions(options: {
  store: Store;
  chain: Chain;
  chainId: number;
  clock: () => number;
  oidc?: OidcSettings | null;
}): Sessions {
  const { store, clock, oidc = null } = options;
  const once = openSharedOnce(store, clock);
  // Made at the start, so that no request without a key writes it.
  once.keyFor('nonce').catch(() => undefined);
  const nonces = createNonces(once);

  /** Roles are read again for each request, so the loss of a role takes effect at once. */
  async function whoNow(tx: ReadTx, row: RowOf<typeof liveSession>): Promise<Who | null> {
    if (row.approver_id !== null) {
      const approver = await getApprover(tx, row.approver_id);
      return approver.status === 'active' ? { approver, person: null, role: consoleRole(approver) } : null;
    }
    const person = await getPerson(tx, row.person_id ?? '');
    // Only the configured provider can authenticate a person.
    if (person.status !== 'active' || person.issuer !== oidc?.issuer) return null;
    return ofPerson(tx, person, granted(oidc, JSON.parse(row.groups_json ?? '[]') as string[]));
  }

  async function resolve(token: string): Promise<Session> {
    const nowMs = clock();
    return store.read(async (tx) => {
      const row = await tx.get(liveSession, { token: hash(token), at: nowMs });
      const who = row ? await whoNow(tx, row) : null;
      if (!row || !who) throw new BursarError('unauthenticated', { message: 'There is no such session. Sign in.' });
      const expiresAtMs = Number(row.expires_at);
      return { ...who, caller: callerFor(who, Number(row.created_at), expiresAtMs), csrf: csrfOf(token), expiresAtMs };
    });
  }

  return {
    nonce: nonces.make,
    resolve,
    signIn: async (input) => {
      const nowMs = clock();
      const { address } = await checkSiwe({ ...options, nonces }, input, nowMs);
      return store.write(async (tx) => {
        const approver = await activeApprover(tx, address);
        const data = { via: 'ethereum', address, role: consoleRole(approver) };
        await appendEvent(tx, { type: 'session.started', actor: approver.id, data }, nowMs);
        return start(tx, { approver: approver.id }, input, { nowMs, lastsMs: SESSION_MS });
      });
    },
    signInVouched: async ({ issuer, subject, name, email, groups }, { before }) => {
      if (oidc === null) throw new BursarError('not_configured');
      const nowMs = clock();
      const known = groups.filter((group) => Object.hasOwn(oidc.roles, group));
      const roles = granted(oidc, known);
      const role = roles.length === 0 ? null : (consoleRole({ roles }) as GroupRole);
      return store.write(async (tx) => {
        const approver = email === null ? null : await findApproverByEmail(tx, email);
        if (approver === null && role === null) throw new BursarError('person_unknown');
        const person = await meetPerson(tx, { issuer, subject, name, email, role }, nowMs);
        const who = await ofPerson(tx, person, roles);
        const data = { via: 'oidc', issuer, name, email, role: who?.role, approver: approver?.id ?? null };
        await appendEvent(tx, { type: 'session.started', actor: person.id, data }, nowMs);
        const lastsMs = oidc.session_minutes * 60_000;
        return start(tx, { person: person.id, groups: known }, { before }, { nowMs, lastsMs });
      });
    },
    end: async (token) => {
      const nowMs = clock();
      await store.write(async (tx) => {
        const row = await tx.get(unendedSession, { token: hash(token) });
        if (!row) return;
        await tx.run(endSession, { token: hash(token), at: nowMs });
        await appendEvent(tx, { type: 'session.ended', actor: row.approver_id ?? row.person_id ?? 'bursar' }, nowMs);
      });
    },
  };
}

type Holder = { approver: string } | { person: string; groups: string[] };

/** Returns the value of the cookie. */
async function start(
  tx: Tx,
  holder: Holder,
  { before }: Before,
  { nowMs, lastsMs }: { nowMs: number; lastsMs: number },
): Promise<string> {
  const [approver, person, groups] =
    'approver' in holder ? [holder.approver, null, null] : [null, holder.person, JSON.stringify(holder.groups)];
  const token = randomBytes(32).toString('base64url');
  if (before !== null) await tx.run(endSession, { token: hash(before), at: nowMs });
  await tx.run(deleteExpired, { at: nowMs });
  await tx.run(endOlder, { approver, person, keep: SESSIONS_EACH - 1, at: nowMs });
  await tx.run(newSession, { token: hash(token), approver, person, groups, at: nowMs, expires: nowMs + lastsMs });
  return token;
}

async function ofPerson(tx: ReadTx, person: Person, roles: GroupRole[]): Promise<Who | null> {
  const approver = person.email === null ? null : await findApproverByEmail(tx, person.email);
  const role = personRole(roles, approver);
  return role && { approver, person, role };
}

/** The roles of these groups by the current configuration. */
function granted({ roles }: OidcSettings, groups: readonly string[]): GroupRole[] {
  return groups.flatMap((group) => (Object.hasOwn(roles, group) ? (roles[group] ?? []) : []));
}

/** A session acts as its holder, with the rights of the current roles. */
function callerFor({ approver, person, role }: Who, createdAtMs: number, expiresAtMs: number): Caller {
  const id = person?.id ?? approver?.id ?? '';
  return {
    actor: id,
    credential: {
      id,
      role: role === 'operator' || role === 'approver' ? 'operator' : 'auditor',
      agentId: null,
      name: person?.name ?? approver?.name ?? '',
      scopes: scopesOf(role),
      createdAtMs,
      expiresAtMs,
      revokedAtMs: null,
    },
  };
}

const hash = (token: string): string => createHash('sha256').update(token).digest('hex');

/** Derived from the cookie, which scripts of the page cannot read: only our own server can give it to our own page. */
export const csrfOf = (token: string): string => createHash('sha256').update('csrf ').update(token).digest('base64url');

export function isCsrf(token: string, given: string | undefined): boolean {
  const wanted = Buffer.from(csrfOf(token));
  const said = Buffer.from(given ?? '');
  return said.length === wanted.length && timingSafeEqual(said, wanted);
}
