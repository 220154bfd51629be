import { type BursarOptions, createBursar, type KeyOption } from './client.ts';
import { AnswerLost, BursarProblem, PaymentPending, PaymentRefused } from './errors.ts';
import type { Amount, Reason, X402Answer } from './types.ts';

/** Describes a purchase: as defaults in `wrapFetch`, or for one request as its third argument. */
export type PurchaseOptions = KeyOption & {
  workflow?: string;
  run?: string;
  category?: string;
  memo?: string;
  /** Refuse above this, whatever the policy allows. */
  maxAmount?: Amount | string;
  /** Equal requests make one purchase. To buy once more on purpose, set 2, then 3, … */
  again?: number;
};
/** `fetch` here is for calls to Bursar itself; the global one by default. */
export type WrapOptions = BursarOptions & Omit<PurchaseOptions, 'idempotencyKey' | 'again'>;
/** `fetch` that pays a 402. It also throws PaymentRefused, PaymentPending, AnswerLost, and the errors of the client. */
export interface PayingFetch {
  (input: string | URL | Request, init?: RequestInit, purchase?: PurchaseOptions): Promise<Response>;
  /** Resolves when every pending report has reached Bursar or has failed. */
  reported(): Promise<void>;
}

/**
 * Wraps `fetch`: when a server answers 402 (x402 version 2), Bursar pays if the policy allows it. The agent's process sends the
 * requests and holds an API key, never a signing key. One 402 causes one decision and at most one more request without redirects.
 */
export function wrapFetch(baseFetch: typeof fetch, options: WrapOptions): PayingFetch {
  const bursar = createBursar(options);
  const reports = new Set<Promise<unknown>>();

  function report(id: string, status: number, paymentResponse: string | null): void {
    // A report is information for people; only the chain settles a payment. So no caller waits for it, and a failure is ignored.
    // The caller gets its answer first.
    const sent = nextTurn()
      .then(() => bursar.reportX402(id, status, paymentResponse))
      .catch(() => undefined);
    reports.add(sent);
    void sent.then(() => reports.delete(sent));
  }

  async function payingFetch(input: string | URL | Request, init?: RequestInit, purchase: PurchaseOptions = {}) {
    const request = new Request(input, init);
    const { url, method } = request;
    const body = request.body === null ? null : new Uint8Array(await request.arrayBuffer());
    const headers = new Headers(request.headers);
    const { credentials, signal } = request;
    const again = { ...init, method, headers, credentials, signal, ...(body === null ? {} : { body }) };

    const asked = await baseFetch(url, { ...again, redirect: request.redirect });
    const offer = asked.headers.get('payment-required');
    if (asked.status !== 402 || offer === null) return asked;
    if (asked.redirected || (asked.url !== '' && withoutHash(asked.url) !== withoutHash(url))) {
      throw refusal('x402_redirected', 'The 402 came after a redirect: its host is not the requested one.');
    }
    const [bodySha256] = await Promise.all([body === null ? null : sha256(body), discard(asked)]);

    const answer = await ask({ url, method, bodySha256, offer }, purchase);
    headers.set('payment-signature', signatureOf(answer));
    let served: Response;
    try {
      served = await baseFetch(url, { ...again, headers, redirect: 'manual' });
    } catch (cause) {
      report(answer.id, 0, null);
      throw new AnswerLost(answer, cause);
    }
    report(answer.id, served.status, served.headers.get('payment-response'));
    return served;
  }

  async function ask(
    { url, method, bodySha256, offer }: RefusedRequest,
    purchase: PurchaseOptions,
  ): Promise<X402Answer> {
    const { workflow, run, category, memo, maxAmount, again, idempotencyKey } = { ...defaultsOf(options), ...purchase };
    const input = {
      url,
      method,
      body_sha256: bodySha256,
      payment_required: offer,
      ...(workflow === undefined ? {} : { workflow }),
      ...(run === undefined ? {} : { run }),
      ...(category === undefined ? {} : { category }),
      ...(memo === undefined ? {} : { memo }),
      ...(maxAmount === undefined ? {} : { max_amount: maxAmount }),
      ...(again === undefined ? {} : { again }),
    };
    try {
      return await bursar.payX402(input, idempotencyKey === undefined ? {} : { idempotencyKey });
    } catch (error) {
      throw error instanceof BursarProblem ? (refusalOf(error) ?? error) : error;
    }
  }

  return Object.assign(payingFetch, {
    reported: async () => {
      await Promise.all(reports);
    },
  });
}

/** A request that was answered with 402. `offer`: the value of its `payment-required` header. */
type RefusedRequest = { url: string; method: string; bodySha256: string | null; offer: string };

const nextTurn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve));

const DISCARD_MAX_BYTES = 65_536;

/** Reads a short body to its end, so that the connection can be used again. */
async function discard({ headers, body }: Response): Promise<void> {
  const length = headers.get('content-length');
  const reader = body?.getReader();
  if (!reader) return;
  if (length === null || Number(length) > DISCARD_MAX_BYTES) return reader.cancel();
  while (!(await reader.read()).done);
}

const withoutHash = (url: string): string => url.split('#', 1)[0] ?? '';

function defaultsOf({ workflow, run, category, memo, maxAmount }: WrapOptions): PurchaseOptions {
  const all = { workflow, run, category, memo, maxAmount };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}

/** Returns the signature. Throws an error that says why there is none. */
function signatureOf(answer: X402Answer): string {
  const { payment_signature, state, reasons, hints, next } = answer;
  if (payment_signature !== null) return payment_signature;
  if (['in_review', 'authorized', 'submitted'].includes(state)) throw new PaymentPending(answer, next);
  const message = reasons.map((reason) => reason.message).join(' ') || `The payment is ${state}.`;
  throw new PaymentRefused({ message, reasons, hints, payment: answer, next });
}

/** Problems about this 402 become refusals. Others, such as a wrong API key, stay problems: null. */
function refusalOf({ code, message, action, details }: BursarProblem): PaymentRefused | null {
  if (
    ![
      'x402_no_acceptable_offer',
      'x402_invalid',
      'x402_offer_changed',
      'agent_not_active',
      'forbidden_address',
    ].includes(code)
  ) {
    return null;
  }
  const offers = Array.isArray(details.offers) ? (details.offers as { code?: string; reason?: string }[]) : [];
  const reasons = offers.map(({ code: each = code, reason = message }) => ({
    code: each,
    rule: 'offer',
    message: reason,
  }));
  return refusal(code, message, reasons, action);
}

function refusal(code: string, message: string, reasons: Reason[] = [], next = ''): PaymentRefused {
  const all = reasons.length > 0 ? reasons : [{ code, rule: 'offer', message }];
  return new PaymentRefused({ message, reasons: all, hints: null, payment: null, next });
}

async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
