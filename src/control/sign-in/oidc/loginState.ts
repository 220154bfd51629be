import { EncryptJWT, jwtDecrypt } from 'jose';
import { z } from 'zod';
import type { SharedOnce } from '../once.ts';

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
export type LoginStates = {
  /**
   * The content of the browser's cookie: an encrypted JWT (RFC 7519, `dir` with A256GCM), which the browser can neither read nor
   * forge.
   */
  seal(login: LoginState): Promise<string>;
  /** Returns the state of this cookie, once: null if it is not ours, expired, of another `state`, or already used. */
  take(sealed: string | undefined, state: string | undefined): Promise<LoginState | null>;
};

/** Nothing is stored for sign-ins that only started. One may begin at one server and return to another. */
export function createLoginStates(once: SharedOnce): LoginStates {
  const keyOf = (): Promise<Buffer> => once.keyFor('oidc login');

  /** Stored in milliseconds, because the claims of a JWT are whole seconds. */
  async function open(sealed: string): Promise<{ login: LoginState; startedAtMs: number } | null> {
    const key = await keyOf();
    try {
      const options = { keyManagementAlgorithms: ['dir'], contentEncryptionAlgorithms: ['A256GCM'] };
      const { payload } = await jwtDecrypt(sealed, key, options);
      return { login: LoginState.parse(payload), startedAtMs: z.number().parse(payload.startedAtMs) };
    } catch {
      return null;
    }
  }
  return {
    seal: async (login) =>
      new EncryptJWT({ ...login, startedAtMs: await once.nowMs() })
        .setProtectedHeader({ alg: 'dir', enc: 'A256GCM' })
        .encrypt(await keyOf()),
    take: async (sealed, state) => {
      const opened = sealed === undefined ? null : await open(sealed);
      if (opened === null || opened.login.state !== state) return null;
      const age = (await once.nowMs()) - opened.startedAtMs;
      if (age < 0 || age >= LOGIN_MS) return null;
      return (await once.use(`oidc ${opened.login.state}`, opened.startedAtMs + LOGIN_MS)) ? opened.login : null;
    },
  };
}
