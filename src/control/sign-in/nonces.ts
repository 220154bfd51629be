import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

/** Sign-in nonces (EIP-4361): valid for a few minutes, taken once. */
export type Nonces = {
  make(nowMs: number): string;
  /** Tells whether the nonce is ours, fresh and unused. Does not use it. */
  isFresh(nonce: string, nowMs: number): boolean;
  /** Uses the nonce; false if another request used it first. */
  take(nonce: string, nowMs: number): boolean;
};

export const NONCE_MS = 5 * 60_000;

/**
 * A nonce contains its time and our MAC, so requests for many nonces use no memory. Only nonces of successful sign-ins are stored,
 * until they expire. A restart voids all earlier ones.
 */
export function createNonces(): Nonces {
  const secret = randomBytes(32);
  const taken = new Map<string, number>();
  const mac = (text: string): string => createHmac('sha256', secret).update(text).digest('hex').slice(0, 32);

  function isFresh(nonce: string, nowMs: number): boolean {
    if (!/^[0-9a-f]{76}$/.test(nonce)) return false;
    const [text, given] = [nonce.slice(0, 44), nonce.slice(44)];
    if (!timingSafeEqual(Buffer.from(mac(text)), Buffer.from(given))) return false;
    const age = nowMs - Number.parseInt(text.slice(0, 12), 16);
    return age >= 0 && age < NONCE_MS && !taken.has(nonce);
  }
  return {
    make: (nowMs) => {
      const text = nowMs.toString(16).padStart(12, '0') + randomBytes(16).toString('hex');
      return text + mac(text);
    },
    isFresh,
    take: (nonce, nowMs) => {
      if (!isFresh(nonce, nowMs)) return false;
      for (const [old, atMs] of taken) if (nowMs - atMs >= NONCE_MS) taken.delete(old);
      taken.set(nonce, nowMs);
      return true;
    },
  };
}
