import { setTimeout as sleep } from 'node:timers/promises';
import { findOperation } from '../operations/registry.ts';

/** The server's refusal: its problem details (RFC 9457). */
export class ProblemError extends Error {
  override readonly name = 'ProblemError';
  readonly code: string;
  readonly status: number;
  readonly action: string;
  readonly details: Record<string, unknown>;

  constructor(problem: {
    code?: string;
    status?: number;
    detail?: string;
    action?: string;
    details?: Record<string, unknown>;
  }) {
    super(problem.detail ?? 'The server refused the request.');
    this.code = problem.code ?? 'internal';
    this.status = problem.status ?? 0;
    this.action = problem.action ?? '';
    this.details = problem.details ?? {};
  }
}

export type CallOptions = { idempotencyKey?: string };
export type Client = {
  readonly url: string;
  /** Calls an operation by its name over HTTP. Throws `ProblemError`. */
  call(name: string, input?: Record<string, unknown>, options?: CallOptions): Promise<Record<string, unknown>>;
  /** Follows the event log from after `seq`, until the signal aborts; reconnects where the stream ended. */
  events(after: number, signal: AbortSignal): AsyncGenerator<Record<string, unknown>>;
};

/** A client for one server with one key; knows the routes from the same registry that serves them. */
export function createClient(url: string, key: string): Client {
  const base = url.replace(/\/$/, '');
  const authorization = `Bearer ${key}`;

  async function call(name: string, input: Record<string, unknown> = {}, options: CallOptions = {}) {
    const operation = findOperation(name);
    const { path, rest } = fill(operation.path, input);
    const query = operation.method === 'GET' ? `?${new URLSearchParams(texts(rest))}` : '';
    const response = await fetch(`${base}${path}${query}`, {
      method: operation.method,
      headers: {
        authorization,
        ...(operation.method === 'GET' ? {} : { 'content-type': 'application/json' }),
        ...(options.idempotencyKey === undefined ? {} : { 'idempotency-key': options.idempotencyKey }),
      },
      ...(operation.method === 'GET' ? {} : { body: JSON.stringify(rest) }),
    });
    const answer = (await response.json()) as Record<string, unknown>;
    if (!response.ok) throw new ProblemError(answer);
    return answer;
  }

  async function* events(after: number, signal: AbortSignal): AsyncGenerator<Record<string, unknown>> {
    let seq = after;
    while (!signal.aborted) {
      try {
        const response = await fetch(`${base}/v1/events/stream?after=${seq}`, { headers: { authorization }, signal });
        if (!response.ok || !response.body) throw new ProblemError((await response.json()) as object);
        for await (const event of messages(response.body)) {
          seq = Number(event.seq);
          yield event;
        }
      } catch (error) {
        if (signal.aborted) return;
        if (error instanceof ProblemError) throw error;
      }
      await sleep(500, undefined, { signal }).catch(() => undefined);
    }
  }
  return { url: base, call, events };
}

function fill(path: string, input: Record<string, unknown>): { path: string; rest: Record<string, unknown> } {
  const rest = { ...input };
  const filled = path.replaceAll(/\{(\w+)\}/g, (_all, name: string) => {
    const value = String(rest[name]);
    delete rest[name];
    return encodeURIComponent(value);
  });
  return { path: filled, rest };
}

function texts(input: Record<string, unknown>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(input)
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => [name, String(value)]),
  );
}

/** Yields the `data:` of each server-sent event. Throws `ProblemError` if the server ends the stream for good. */
async function* messages(body: ReadableStream<Uint8Array>): AsyncGenerator<Record<string, unknown>> {
  const decoder = new TextDecoder();
  let buffer = '';
  for await (const chunk of body) {
    buffer += decoder.decode(chunk, { stream: true });
    const parts = buffer.split('\n\n');
    buffer = parts.pop() ?? '';
    for (const part of parts) {
      const lines = part.split('\n');
      const data = lines.find((line) => line.startsWith('data: '));
      if (!data) continue;
      const message = JSON.parse(data.slice('data: '.length)) as Record<string, unknown>;
      if (!lines.includes('event: end')) yield message;
      else if (Number(message.status) < 500) throw new ProblemError(message);
    }
  }
}
