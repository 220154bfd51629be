import { sha256 } from '../../../core/ids/digest.ts';
import type { ReadTx } from '../../../store/store.ts';
import { lastKeyBetween } from './queries.ts';

/** The request itself: who asks stands in the payment's row already. */
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
 * What stands in for an idempotency key that the caller did not give, so that a model which retries does not pay twice. The
 * leading space keeps it apart from callers' keys, which have none.
 */
export function derivedKey(parts: KeyParts): string {
  const { workflow, run, method, url, bodySha256, again } = parts;
  const text = JSON.stringify([workflow, run, method, url, bodySha256, again]);
  return ` auto ${sha256(text)}`;
}

/**
 * The key under which that request stands now. A denial moved nothing and may not hold tomorrow, so the request after a denied or
 * superseded one is decided again, under the next number; everything else is answered again.
 */
export function currentKey(tx: ReadTx, agentId: string, derived: string): string {
  const last = tx.get(lastKeyBetween, { agent: agentId, after: `${derived} `, before: `${derived} :` });
  if (!last) return numbered(derived, 1);
  return last.state === 'denied' ? nextKey(last.idempotency_key) : last.idempotency_key;
}

/** The key after that one, for the same request. */
export function nextKey(key: string): string {
  const at = key.lastIndexOf(' ');
  return numbered(key.slice(0, at), Number(key.slice(at + 1)) + 1);
}

const numbered = (derived: string, n: number): string => `${derived} ${String(n).padStart(8, '0')}`;
