import type { Context } from 'hono';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import { BursarError } from '../errors/base.ts';
import { log } from '../log/log.ts';

/** RFC 9457 problem details. What is not one of our errors is `internal`; its text stays in the log. */
export function problem(c: Context, error: unknown): Response {
  const known = error instanceof BursarError ? error : new BursarError('internal');
  if (known.status >= 500) log.error({ err: error, path: c.req.path }, known.message);
  const headers: Record<string, string> = { 'content-type': 'application/problem+json' };
  if (known.status === 401) headers['www-authenticate'] = 'Bearer';
  if (known.status === 429) headers['retry-after'] = String(known.details.retry_after_seconds ?? 1);
  return c.body(JSON.stringify(known.toProblem()), known.status as ContentfulStatusCode, headers);
}
