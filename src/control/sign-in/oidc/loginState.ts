import { randomBytes } from 'node:crypto';
import { EncryptJWT, jwtDecrypt } from 'jose';
import { z } from 'zod';

/** One browser's sign-in at the identity provider, from the redirect until it returns. */
const LoginState = z.object({
  state: z.string(),
  nonce: z.string(),
  verifier: z.string(),
  /** The page of the console to return to. */
  returnTo: z.string(),
  /** The origin that the browser uses, so that it returns to the same site. */
  origin: z.string(),
});
export type LoginState = z.infer<typeof LoginState>;

export const LOGIN_MS = 10 * 60_000;
/** A state that is forgotten early is still safe: the provider accepts a code only once. */
const TAKEN_MAX = 10_000;

export type LoginStates = {
  /**
   * The content of the browser's cookie: an encrypted JWT (RFC 7519, `dir` with A256GCM), which the browser can neither read nor
   * forge.
   */
  seal(login: LoginState, nowMs: number): Promise<string>;
  /** Returns the state of this cookie, once: null if it is not ours, expired, of another `state`, or already used. */
  take(sealed: string | undefined, state: string | undefined, nowMs: number): Promise<LoginState | null>;
};

/** Nothing is stored for sign-ins that only started, so they cannot fill the memory. A restart voids all open ones. */
export function createLoginStates(): LoginStates {
  const key = randomBytes(32);
  const taken = new Map<string, number>();

  /** Stored in milliseconds, because the claims of a JWT are whole seconds. */
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
