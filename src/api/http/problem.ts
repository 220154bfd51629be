import type { Context } from 'hono';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import { BursarError } from '../../core/errors/base.ts';
import { log } from '../../core/log/log.ts';

/** RFC 9457 problem details. Any other error is `internal`; its text goes only to the log. */
export function problem(c: Context, error: unknown): Response {
  const known = error instanceof BursarError ? error : new BursarError('internal');
  if (known.status >= 500) log.error({ err: error, path: c.req.path }, known.message);
  const headers: Record<string, string> = { 'content-type': 'application/problem+json' };
  if (known.status === 401) headers['www-authenticate'] = 'Bearer';
  const { retry_after_seconds: wait = known.status === 429 ? 1 : undefined } = known.details;
  if (wait !== undefined) headers['retry-after'] = String(wait);
  return c.body(JSON.stringify(known.toProblem()), known.status as ContentfulStatusCode, headers);
}
