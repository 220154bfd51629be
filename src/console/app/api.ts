/** A refusal of the server: RFC 9457 problem details, as every route answers. */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly action: string,
  ) {
    super(message);
    this.name = 'Problem';
  }
}

/** The window event for a session that the server no longer knows. */
export const SIGNED_OUT = 'bursar:signed-out';
/** The timeout of a GET. A request that changes something has none. */
const PATIENCE_MS = 30_000;
let csrf = '';
/** `/auth/me` gives it; every request that changes something sends it. */
export function setCsrf(value: string): void {
  csrf = value;
}

/** Asks the server. Throws `Problem`; also where it cannot be reached. */
export async function ask<T>(path: string, body?: unknown): Promise<T> {
  const sends = body !== undefined;
  let answer: Response;
  let document: unknown;
  try {
    answer = await fetch(path, {
      method: sends ? 'POST' : 'GET',
      headers: {
        accept: 'application/json',
        ...(sends ? { 'content-type': 'application/json', 'x-bursar-csrf': csrf } : {}),
      },
      ...(sends ? { body: JSON.stringify(body) } : { signal: AbortSignal.timeout(PATIENCE_MS) }),
    });
    document = await answer.json().catch(() => null);
  } catch (error) {
    if (error instanceof DOMException && error.name === 'TimeoutError') {
      throw new Problem(
        0,
        'no_answer',
        'The server does not answer.',
        'Try again. If it does not help, look at the server log.',
      );
    }
    throw new Problem(0, 'unreachable', 'The server cannot be reached.', 'Check that the server runs, then try again.');
  }
  if (answer.ok && document !== null) return document as T;
  if (answer.status === 401 && !path.startsWith('/auth/')) dispatchEvent(new Event(SIGNED_OUT));
  const { code, title, detail, action } = (document ?? {}) as Record<string, string | undefined>;
  throw new Problem(
    answer.status,
    code ?? 'unknown',
    detail ?? title ?? `The server failed (status ${answer.status}).`,
    action ?? 'Try again.',
  );
}

/** A path with its query, without empty values. */
export function query(path: string, values: Record<string, string | null | undefined>): string {
  const given = Object.entries(values).filter((pair): pair is [string, string] => Boolean(pair[1]));
  return given.length === 0 ? path : `${path}?${new URLSearchParams(given)}`;
}
