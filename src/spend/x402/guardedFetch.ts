import { BursarError } from '../../core/errors/base.ts';
import {
  type Guard,
  type GuardedAnswer,
  type GuardedRequest,
  guardedRequest,
  type Limits,
} from '../../core/net/guardedRequest.ts';

const MAX_REDIRECTS = 5;
const redirects = new Set([301, 302, 303, 307, 308]);
/** The headers that may go to a host that the caller did not name. Any other one may be a credential. */
const harmless = new Set(['accept', 'accept-language', 'user-agent']);

export type FetchedAnswer = GuardedAnswer & { url: URL; redirected: boolean };

/**
 * Sends the request and follows up to five redirects, each checked like the first request. Credentials and a body never go to
 * another origin: such a redirect with a body is not followed, and is itself the answer.
 */
export async function guardedFetch(
  start: URL,
  request: GuardedRequest,
  limits: Limits,
  guard: Guard,
): Promise<FetchedAnswer> {
  let url = start;
  let current = request;
  for (let hop = 0; hop <= MAX_REDIRECTS; hop += 1) {
    const answer = await guardedRequest(url, current, limits, guard);
    const next = redirects.has(answer.status) ? target(answer.headers.location, url) : null;
    const following = next && redirected(current, answer.status, url, next);
    if (!next || !following) return { ...answer, url, redirected: hop > 0 };
    url = next;
    current = following;
  }
  throw new BursarError('fetch_failed', {
    message: `${start.host} redirects more than ${MAX_REDIRECTS} times.`,
    details: { host: start.host },
  });
}

function target(location: string | undefined, from: URL): URL | null {
  if (location === undefined || !URL.canParse(location, from)) return null;
  const url = new URL(location, from);
  url.hash = '';
  url.username = '';
  url.password = '';
  return url;
}

/** The request for the next hop, or null where it must not be followed. */
function redirected(request: GuardedRequest, status: number, from: URL, to: URL): GuardedRequest | null {
  const becomesGet = status === 303 ? request.method !== 'HEAD' : status <= 302 && request.method === 'POST';
  const kept = becomesGet ? { ...request, method: 'GET', body: null } : request;
  if (from.origin === to.origin) return kept;
  if (kept.body !== null) return null;
  const headers = Object.fromEntries(Object.entries(kept.headers).filter(([name]) => harmless.has(name.toLowerCase())));
  return { ...kept, headers };
}
