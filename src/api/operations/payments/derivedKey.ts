import { sha256 } from '../../../core/ids/digest.ts';
import type { ReadTx } from '../../../store/store.ts';
import { lastKeyBetween } from './queries.ts';

/** The request itself; the requesting agent is in the payment's row already. */
export type KeyParts = {
  workflow: string | null;
  run: string | null;
  method: string;
  url: string;
  /** sha-256 hex of the body; null without one. */
  bodySha256: string | null;
  /** 1 for the first time; a deliberate repeat says 2, 3, … */
  again: number;
};

/**
 * Replaces a missing idempotency key, so that a model that retries does not pay twice. The leading space distinguishes it from
 * callers' keys, which have none.
 */
export function derivedKey(parts: KeyParts): string {
  const { workflow, run, method, url, bodySha256, again } = parts;
  const text = JSON.stringify([workflow, run, method, url, bodySha256, again]);
  return ` auto ${sha256(text)}`;
}

/**
 * The current key of that request. A denial moved no money and may not hold tomorrow, so a request after a denied or superseded one
 * is decided again, under the next number; every other one gets the same answer.
 */
export async function currentKey(tx: ReadTx, agentId: string, derived: string): Promise<string> {
  const last = await tx.get(lastKeyBetween, { agent: agentId, after: `${derived} `, before: `${derived} :` });
  if (!last) return numbered(derived, 1);
  return last.state === 'denied' ? nextKey(last.idempotency_key) : last.idempotency_key;
}

/** The next key after that one, for the same request. */
export function nextKey(key: string): string {
  const at = key.lastIndexOf(' ');
  return numbered(key.slice(0, at), Number(key.slice(at + 1)) + 1);
}

const numbered = (derived: string, n: number): string => `${derived} ${String(n).padStart(8, '0')}`;
