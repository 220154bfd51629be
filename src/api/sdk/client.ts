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
  /** Where Bursar listens, as `http://127.0.0.1:8402`. */
  url: string;
  /** The agent's key. */
  apiKey: string;
  /** For calls to Bursar itself; the global one unless given. */
  fetch?: typeof fetch;
  /** Of one call to Bursar; default 60 s. */
  timeoutMs?: number;
};
export type KeyOption = { idempotencyKey?: string };

/** Bursar as an agent's code sees it. Every call throws `BursarProblem` or `BursarUnreachable`. */
export type Bursar = {
  /**
   * Asks for a payment. The same key is the same payment, however often it is sent. Without a key the request itself is the key:
   * the same payee, amount, memo, workflow and run are one payment; to pay once more on purpose say `again: 2` in the input.
   */
  pay(input: PayInput, options?: KeyOption): Promise<PaymentAnswer>;
  /** Would it be allowed, and why? Pays nothing. */
  check(input: PayInput): Promise<CheckAnswer>;
  payment(id: string): Promise<Payment>;
  /** Newest first. */
  payments(filter?: { state?: PaymentState; cursor?: string; limit?: number }): Promise<{
    payments: Payment[];
    next_cursor: string | null;
  }>;
  /** What the agent has left, in each meter of the policy and each ceiling of its wallet. */
  budget(input?: BudgetInput): Promise<Budget>;
  /** Hands in a 402's offer; gets the signed header or the reasons against it. */
  payX402(input: X402Input, options?: KeyOption): Promise<X402Answer>;
  /** Tells what the seller answered; status 0 is no answer. */
  reportX402(id: string, status: number, paymentResponse?: string | null): Promise<Payment & { outcome: string }>;
};

const TIMEOUT_MS = 60_000;

/** A client for one Bursar with one key. */
export function createBursar(options: BursarOptions): Bursar {
  const base = options.url.replace(/\/+$/, '');
  const send = options.fetch ?? globalThis.fetch;

  async function call<T>(method: 'GET' | 'POST', path: string, body: object, key?: string): Promise<T> {
    let response: Response;
    let answer: unknown;
    try {
      response = await send(`${base}${path}${method === 'GET' ? queryOf(body) : ''}`, {
        method,
        // The key goes to this server and to nobody it points at.
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
