import { setTimeout as sleep } from 'node:timers/promises';
import { decodePaymentResponseHeader } from '@x402/core/http';
import type { Answer, Sale } from './sales.ts';
import type { Shop } from './shop.ts';

/** Larger answers are served but not kept. */
const ANSWER_MAX_BYTES = 4 * 1024 * 1024;
const BUSY_WAIT_MS = 60_000;

/**
 * Serves a paid request once, however often and concurrently it comes. `run` is called only by the request that holds the sale, and
 * calls `verified` once the payment was found valid and unused: only then may a failed sale be owed. `keep: false`: the answer is a
 * stream, and cannot be fetched again.
 */
export async function serveOnce(
  shop: Shop,
  sale: Sale,
  run: (verified: () => void) => Promise<{ answer: Answer; keep?: boolean }>,
): Promise<Answer> {
  const until = performance.now() + BUSY_WAIT_MS;
  let waited = false;
  for (;;) {
    const claimed = await shop.sales.claim(sale);
    // After settlement all of a payment is public, including its signature, except the buyer's `payment-identifier`.
    if (claimed.kind === 'answered' && (waited || sale.identifier !== null)) return claimed.answer;
    if (claimed.kind === 'conflict') {
      return refusal(409, 'payment_conflict', 'This payment, or its identifier, belongs to another request.');
    }
    if (claimed.kind === 'gone') {
      return refusal(409, 'payment_served', 'This payment was served already, and its answer is not kept.');
    }
    if (claimed.kind === 'answered') {
      return refusal(
        409,
        'payment_served',
        'This payment was served already; only a payment-identifier gets it again.',
      );
    }
    if (claimed.kind === 'new') {
      if (claimed.owed) shop.expect(sale);
      break;
    }
    if (performance.now() > until) return refusal(409, 'payment_busy', 'This payment is being served.');
    waited = true;
    await sleep(20);
  }
  let isVerified = false;
  try {
    const ran = await run(() => {
      isVerified = true;
    });
    if (isPaid(ran.answer)) {
      const keeps = ran.keep !== false && ran.answer.body.byteLength <= ANSWER_MAX_BYTES;
      await shop.sales.finish(sale, keeps ? ran.answer : null);
    } else {
      await shop.sales.release(sale, isVerified);
    }
    return ran.answer;
  } catch (error) {
    await shop.sales.release(sale, isVerified);
    throw error;
  }
}

function isPaid({ headers }: Answer): boolean {
  const header = headers.find(([name]) => name.toLowerCase() === 'payment-response')?.[1];
  if (header === undefined) return false;
  try {
    return decodePaymentResponseHeader(header).success === true;
  } catch {
    return false;
  }
}

export function refusal(status: number, code: string, detail: string, headers: [string, string][] = []): Answer {
  const body = Buffer.from(JSON.stringify({ code, detail }));
  return { status, headers: [['content-type', 'application/json'], ['cache-control', 'no-store'], ...headers], body };
}

/** It is not known yet what the price is, or whether it was paid. */
export function notReady(): Answer {
  const detail = 'The facilitator does not answer; nothing was charged.';
  return refusal(503, 'facilitator_unavailable', detail, [['retry-after', '1']]);
}
