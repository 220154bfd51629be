import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { SharedOnce } from './once.ts';

/** Sign-in nonces (EIP-4361): valid for a few minutes, taken once, at any of the servers. */
export type Nonces = {
  make(): Promise<string>;
  /** Tells whether the nonce is ours, fresh and unused. Does not use it. */
  isFresh(nonce: string): Promise<boolean>;
  /** Uses the nonce; false if another request used it first. */
  take(nonce: string): Promise<boolean>;
};

export const NONCE_MS = 5 * 60_000;

/**
 * A nonce contains its time and our MAC, so requests for many nonces store nothing. Only nonces of successful sign-ins are stored, until
 * they expire.
 */
export function createNonces(once: SharedOnce): Nonces {
  const mac = async (text: string): Promise<string> =>
    createHmac('sha256', await once.keyFor('nonce'))
      .update(text)
      .digest('hex')
      .slice(0, 32);

  /** When it was made, if it is ours and fresh. */
  async function madeAt(nonce: string): Promise<number | null> {
    if (!/^[0-9a-f]{76}$/.test(nonce)) return null;
    const [text, given] = [nonce.slice(0, 44), nonce.slice(44)];
    if (!timingSafeEqual(Buffer.from(await mac(text)), Buffer.from(given))) return null;
    const atMs = Number.parseInt(text.slice(0, 12), 16);
    const age = (await once.nowMs()) - atMs;
    return age >= 0 && age < NONCE_MS ? atMs : null;
  }
  return {
    make: async () => {
      const text = (await once.nowMs()).toString(16).padStart(12, '0') + randomBytes(16).toString('hex');
      return text + (await mac(text));
    },
    isFresh: async (nonce) => (await madeAt(nonce)) !== null && !(await once.isUsed(nonce)),
    take: async (nonce) => {
      const atMs = await madeAt(nonce);
      return atMs !== null && (await once.use(nonce, atMs + NONCE_MS));
    },
  };
}
