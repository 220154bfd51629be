import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

/** Sign-in nonces (EIP-4361): valid for a few minutes, taken once. */
export type Nonces = {
  make(nowMs: number): string;
  /** Whether we made it and it is fresh and not taken. Takes nothing. */
  isFresh(nonce: string, nowMs: number): boolean;
  /** Takes it; false where somebody was faster. */
  take(nonce: string, nowMs: number): boolean;
};

export const NONCE_MS = 5 * 60_000;

/**
 * A nonce says itself when it was made and carries our MAC, so outsiders who ask for many fill no memory. Only those of good
 * sign-ins are remembered, until they are stale. A restart makes all earlier ones void.
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
