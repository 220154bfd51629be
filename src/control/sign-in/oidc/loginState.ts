import { randomBytes } from 'node:crypto';
import { EncryptJWT, jwtDecrypt } from 'jose';
import { z } from 'zod';

/** One browser's sign-in at the identity provider, from the redirect there until it returns. */
const LoginState = z.object({
  state: z.string(),
  nonce: z.string(),
  verifier: z.string(),
  /** The page of the console that the browser goes back to. */
  returnTo: z.string(),
  /** Where the browser is, so that it comes back to the same site. */
  origin: z.string(),
});
export type LoginState = z.infer<typeof LoginState>;

export const LOGIN_MS = 10 * 60_000;
/** A state that is forgotten early is still refused by the provider: a code is good once. */
const TAKEN_MAX = 10_000;

export type LoginStates = {
  /** What the browser keeps in a cookie: an encrypted JWT (RFC 7519, `dir` with A256GCM), so it can be neither read nor made up. */
  seal(login: LoginState, nowMs: number): Promise<string>;
  /** The state of this cookie, once: null where it is not ours, stale, of another `state`, or was taken before. */
  take(sealed: string | undefined, state: string | undefined, nowMs: number): Promise<LoginState | null>;
};

/** Nothing is kept for sign-ins that only start, so nobody can fill the memory with them. A restart makes all open ones void. */
export function createLoginStates(): LoginStates {
  const key = randomBytes(32);
  const taken = new Map<string, number>();

  /** Given to the millisecond, as the claims of a JWT are whole seconds. */
  async function open(sealed: string): Promise<{ login: LoginState; startedAtMs: number } | null> {
    try {
      const options = { keyManagementAlgorithms: ['dir'], contentEncryptionAlgorithms: ['A256GCM'] };
      const { payload } = await jwtDecrypt(sealed, key, options);
      return { login: LoginState.parse(payload), startedAtMs: z.number().parse(payload.startedAtMs) };
    } catch {
      return null;
    }
  }
  return {
    seal: (login, nowMs) =>
      new EncryptJWT({ ...login, startedAtMs: nowMs }).setProtectedHeader({ alg: 'dir', enc: 'A256GCM' }).encrypt(key),
    take: async (sealed, state, nowMs) => {
      const opened = sealed === undefined ? null : await open(sealed);
      if (opened === null || opened.login.state !== state || taken.has(opened.login.state)) return null;
      const age = nowMs - opened.startedAtMs;
      if (age < 0 || age >= LOGIN_MS) return null;
      // The oldest come first.
      for (const [old, atMs] of taken) {
        if (nowMs - atMs < LOGIN_MS && taken.size < TAKEN_MAX) break;
        taken.delete(old);
      }
      taken.set(opened.login.state, nowMs);
      return opened.login;
    },
  };
}
