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

let csrf = '';
/** `/auth/me` gives it; every request that changes something sends it. */
export function setCsrf(value: string): void {
  csrf = value;
}

/** Asks the server. Throws `Problem`; also where it cannot be reached. */
export async function ask<T>(path: string, body?: unknown): Promise<T> {
  const sends = body !== undefined;
  let answer: Response;
  try {
    answer = await fetch(path, {
      method: sends ? 'POST' : 'GET',
      headers: {
        accept: 'application/json',
        ...(sends ? { 'content-type': 'application/json', 'x-bursar-csrf': csrf } : {}),
      },
      ...(sends ? { body: JSON.stringify(body) } : {}),
    });
  } catch {
    throw new Problem(0, 'unreachable', 'The server cannot be reached.', 'Check that it runs, then try again.');
  }
  const document: unknown = await answer.json().catch(() => null);
  if (answer.ok) return document as T;
  const { code, title, detail, action } = (document ?? {}) as Record<string, string | undefined>;
  throw new Problem(answer.status, code ?? 'unknown', detail ?? title ?? `Status ${answer.status}.`, action ?? '');
}

/** A path with its query; what is empty stays out. */
export function query(path: string, values: Record<string, string | null | undefined>): string {
  const given = Object.entries(values).filter((pair): pair is [string, string] => Boolean(pair[1]));
  return given.length === 0 ? path : `${path}?${new URLSearchParams(given)}`;
}
