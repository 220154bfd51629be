import { BursarProblem, BursarUnreachable } from './errors.ts';
import type {
  Budget,
  BudgetInput,
  CheckAnswer,
  PayInput,
  Payment,
  PaymentAnswer,
  PaymentState,
  X402Answer,
  X402Input,
} from './types.ts';

export type BursarOptions = {
  /** The URL of the Bursar server, as `http://127.0.0.1:8402`. */
  url: string;
  /** The agent's API key. */
  apiKey: string;
  /** The `fetch` for calls to Bursar itself; the global one by default. */
  fetch?: typeof fetch;
  /** The timeout of one call to Bursar, in milliseconds; default 60,000. */
  timeoutMs?: number;
};
export type KeyOption = { idempotencyKey?: string };

/** The calls of an agent. Each throws `BursarProblem` when Bursar refuses, `BursarUnreachable` when it does not answer. */
export type Bursar = {
  /**
   * Requests a payment. Requests with one idempotency key make one payment. Without a key, requests with the same payee, amount,
   * memo, workflow and run make one payment; to pay once more on purpose, set `again: 2` in the input.
   */
  pay(input: PayInput, options?: KeyOption): Promise<PaymentAnswer>;
  /** Says how the policy would decide, and why. Pays nothing. */
  check(input: PayInput): Promise<CheckAnswer>;
  payment(id: string): Promise<Payment>;
  /** Newest first. */
  payments(filter?: { state?: PaymentState; cursor?: string; limit?: number }): Promise<{
    payments: Payment[];
    next_cursor: string | null;
  }>;
  /** The amounts left in each meter of the policy and under each ceiling of the wallet. */
  budget(input?: BudgetInput): Promise<Budget>;
  /** Sends the offer of a 402 to Bursar. Returns the signed header, or the reasons for a refusal. */
  payX402(input: X402Input, options?: KeyOption): Promise<X402Answer>;
  /** Reports the seller's answer to the paid request; status 0 means that there was none. */
  reportX402(id: string, status: number, paymentResponse?: string | null): Promise<Payment & { outcome: string }>;
};

const TIMEOUT_MS = 60_000;

/** Creates a client for one Bursar server and one API key. */
export function createBursar(options: BursarOptions): Bursar {
  const base = options.url.replace(/\/+$/, '');
  const send = options.fetch ?? globalThis.fetch;

  async function call<T>(method: 'GET' | 'POST', path: string, body: object, key?: string): Promise<T> {
    let response: Response;
    let answer: unknown;
    try {
      response = await send(`${base}${path}${method === 'GET' ? queryOf(body) : ''}`, {
        method,
        // A redirect must not carry the API key to another server.
        redirect: 'error',
        signal: AbortSignal.timeout(options.timeoutMs ?? TIMEOUT_MS),
        headers: {
          authorization: `Bearer ${options.apiKey}`,
          ...(method === 'POST' ? { 'content-type': 'application/json' } : {}),
          ...(key === undefined ? {} : { 'idempotency-key': key }),
        },
        ...(method === 'POST' ? { body: JSON.stringify(body) } : {}),
      });
      answer = await response.json();
    } catch (cause) {
      throw new BursarUnreachable(`Bursar at ${base} gave no answer.`, { cause });
    }
    if (!response.ok) throw new BursarProblem(typeof answer === 'object' && answer !== null ? answer : {});
    return answer as T;
  }

  return {
    pay: (input, { idempotencyKey } = {}) => {
      const body = idempotencyKey === undefined ? { again: 1, ...input } : input;
      return call('POST', '/v1/payments', body, idempotencyKey);
    },
    check: (input) => call('POST', '/v1/payments/check', input),
    payment: (id) => call('GET', `/v1/payments/${encodeURIComponent(id)}`, {}),
    payments: (filter = {}) => call('GET', '/v1/payments', filter),
    budget: ({ agent = 'me', ...input } = {}) => call('GET', `/v1/agents/${encodeURIComponent(agent)}/budget`, input),
    payX402: (input, { idempotencyKey } = {}) => call('POST', '/v1/x402/payments', input, idempotencyKey),
    reportX402: (id, status, payment_response = null) =>
      call('POST', `/v1/x402/payments/${encodeURIComponent(id)}/report`, { status, payment_response }),
  };
}

function queryOf(input: object): string {
  const given = Object.entries(input).filter(([, value]) => value !== undefined);
  return given.length === 0 ? '' : `?${new URLSearchParams(given.map(([name, value]) => [name, String(value)]))}`;
}
