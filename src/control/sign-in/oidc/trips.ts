import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { z } from 'zod';

/** A person's way to the identity provider and back, in one browser. */
const Trip = z.strictObject({
  state: z.string(),
  nonce: z.string(),
  verifier: z.string(),
  /** Where the console was, and will be again. */
  returnTo: z.string(),
  /** Where the browser is, so that it comes back to the same place. */
  origin: z.string(),
  startedAtMs: z.number(),
});
export type Trip = z.infer<typeof Trip>;

export const TRIP_MS = 10 * 60_000;
/** What is forgotten early the provider still refuses: a code is good once. */
const TAKEN_MAX = 10_000;

export type Trips = {
  /** What the browser keeps in a cookie: sealed, so that it can be neither read nor made up. */
  seal(trip: Trip): string;
  /** The trip of this cookie, once: null where it is not ours, stale, of another state, or was taken before. */
  take(sealed: string | undefined, state: string | undefined, nowMs: number): Trip | null;
};

/** Nothing is kept for trips that only start, so outsiders fill no memory. A restart makes all open ones void. */
export function createTrips(): Trips {
  const key = randomBytes(32);
  const taken = new Map<string, number>();

  function open(sealed: string): Trip | null {
    const bytes = Buffer.from(sealed, 'base64url');
    if (bytes.length < 28) return null;
    try {
      const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, 12), { authTagLength: 16 });
      decipher.setAuthTag(bytes.subarray(12, 28));
      const text = decipher.update(bytes.subarray(28), undefined, 'utf8') + decipher.final('utf8');
      return Trip.parse(JSON.parse(text));
    } catch {
      return null;
    }
  }
  return {
    seal: (trip) => {
      const iv = randomBytes(12);
      const cipher = createCipheriv('aes-256-gcm', key, iv);
      const text = Buffer.concat([cipher.update(JSON.stringify(trip), 'utf8'), cipher.final()]);
      return Buffer.concat([iv, cipher.getAuthTag(), text]).toString('base64url');
    },
    take: (sealed, state, nowMs) => {
      const trip = sealed === undefined ? null : open(sealed);
      if (trip === null || trip.state !== state || taken.has(trip.state)) return null;
      const age = nowMs - trip.startedAtMs;
      if (age < 0 || age >= TRIP_MS) return null;
      // The oldest come first.
      for (const [old, atMs] of taken) {
        if (nowMs - atMs < TRIP_MS && taken.size < TAKEN_MAX) break;
        taken.delete(old);
      }
      taken.set(trip.state, nowMs);
      return trip;
    },
  };
}
