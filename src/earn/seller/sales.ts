import { createHash } from 'node:crypto';
import { decodePaymentSignatureHeader } from '@x402/core/http';
import type { PaymentPayload } from '@x402/core/types';
import { extractPaymentIdentifier } from '@x402/extensions/payment-identifier';
import { isTooDeep } from '../../core/text/json.ts';

/** One payment offered for one request. */
export type Sale = {
  /** The key that the chain accepts once: network, payer and nonce. */
  key: string;
  /** The buyer's `payment-identifier`, if there is one. */
  identifier: string | null;
  /** Digest of method, URL, body and the payment as sent: its answer goes only to that request with that payment. */
  request: string;
};
export type Answer = { status: number; headers: [string, string][]; body: Uint8Array };

/**
 * `new`: run the handler (`owed`: money may have moved for it already). `answered`: return the stored answer. `busy`: another
 * request runs with this payment. `conflict`: the payment or its identifier belongs to another request. `gone`: served, and the
 * answer is not kept.
 */
export type Claimed =
  | { kind: 'new'; owed: boolean }
  | { kind: 'answered'; answer: Answer }
  | { kind: 'busy' | 'conflict' | 'gone' };

/** Records which payment bought which answer, so that a handler runs once for it and a lost answer can be fetched again. */
export interface SaleStore {
  claim(sale: Sale): Promise<Claimed>;
  /** The sale is done. Null: the answer is too large to keep. */
  finish(sale: Sale, answer: Answer | null): Promise<void>;
  /** Nothing was sold. `owed`: it is not known yet whether money moves. */
  release(sale: Sale, owed: boolean): Promise<void>;
}

/** Longer than any handler that buyers wait for; an older claim was abandoned. */
const CLAIM_MS = 3_600_000;
const SALES_MAX = 10_000;
const BYTES_MAX = 64 * 1024 * 1024;

type Entry = {
  identifier: string | null;
  request: string;
  state: 'claimed' | 'owed' | 'done';
  untilMs: number;
  answer: Answer | null;
};

/** Kept in memory: the oldest answers are dropped first, and all end with the process. For several processes see `durableSales`. */
export function memorySales(clock: () => number = Date.now): SaleStore {
  const entries = new Map<string, Entry>();
  const keys = new Map<string, string>();
  let bytes = 0;

  function drop(key: string): void {
    const entry = entries.get(key);
    if (!entry) return;
    entries.delete(key);
    if (entry.identifier !== null) keys.delete(entry.identifier);
    bytes -= entry.answer?.body.byteLength ?? 0;
  }
  function evict(): void {
    for (const [key, entry] of entries) {
      if (entries.size <= SALES_MAX && bytes <= BYTES_MAX) return;
      if (entry.state !== 'claimed') drop(key);
    }
  }
  return {
    claim: async ({ key, identifier, request }) => {
      const holder = identifier === null ? undefined : keys.get(identifier);
      if (holder !== undefined && holder !== key) return { kind: 'conflict' };
      const entry = entries.get(key);
      if (entry && entry.request !== request) return { kind: 'conflict' };
      if (entry?.state === 'done') return entry.answer ? { kind: 'answered', answer: entry.answer } : { kind: 'gone' };
      if (entry?.state === 'claimed' && entry.untilMs > clock()) return { kind: 'busy' };
      // An expired claim tells nothing about money: it may never have been verified.
      const owed = entry?.state === 'owed';
      drop(key);
      entries.set(key, { identifier, request, state: 'claimed', untilMs: clock() + CLAIM_MS, answer: null });
      if (identifier !== null) keys.set(identifier, key);
      return { kind: 'new', owed };
    },
    finish: async ({ key, identifier, request }, answer) => {
      drop(key);
      entries.set(key, { identifier, request, state: 'done', untilMs: 0, answer });
      if (identifier !== null) keys.set(identifier, key);
      bytes += answer?.body.byteLength ?? 0;
      evict();
    },
    release: async ({ key, identifier, request }, owed) => {
      drop(key);
      if (!owed) return;
      entries.set(key, { identifier, request, state: 'owed', untilMs: 0, answer: null });
      if (identifier !== null) keys.set(identifier, key);
      evict();
    },
  };
}

/** The sale of a PAYMENT-SIGNATURE header; null for a malformed one, which the official code then refuses. */
export function saleOf(
  header: string | undefined,
  request: { method: string; target: string; body: Uint8Array | string },
): (Sale & { payload: PaymentPayload }) | null {
  if (header === undefined || header.length > 64 * 1024) return null;
  let payload: PaymentPayload;
  try {
    payload = decodePaymentSignatureHeader(header);
    if (typeof payload?.payload !== 'object' || payload.payload === null || isTooDeep(payload)) return null;
  } catch {
    return null;
  }
  return {
    key: saleKey(payload),
    identifier: identifierOf(payload),
    // The digest includes the header too: payer and nonce, which identify the sale, are public on chain.
    request: digest(request.method, request.target, request.body, header),
    payload,
  };
}

/** The fields that identify a payment. */
export type PaidWith = {
  readonly accepted: { readonly network: string };
  readonly payload: Readonly<Record<string, unknown>>;
};

export function saleKey({ accepted, payload }: PaidWith): string {
  const network = String(accepted?.network);
  const { authorization } = payload;
  if (
    typeof authorization === 'object' &&
    authorization !== null &&
    'from' in authorization &&
    'nonce' in authorization
  ) {
    return `${network}:${String(authorization.from)}:${String(authorization.nonce)}`.toLowerCase();
  }
  return `${network}:${digest(JSON.stringify(payload))}`;
}

function identifierOf(payload: PaymentPayload): string | null {
  try {
    return extractPaymentIdentifier(payload);
  } catch {
    return null;
  }
}

function digest(...parts: (string | Uint8Array)[]): string {
  const hash = createHash('sha256');
  for (const part of parts) {
    const bytes = typeof part === 'string' ? Buffer.from(part) : part;
    hash.update(`${bytes.byteLength}:`).update(bytes);
  }
  return hash.digest('hex');
}
