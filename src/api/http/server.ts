import { type Context, type Handler, Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { TrieRouter } from 'hono/router/trie-router';
import { BursarError } from '../../core/errors/base.ts';
import { readJsonObject } from '../../core/text/json.ts';
import type { App } from '../operations/app.ts';
import { costs } from '../operations/cost.ts';
import { dispatch } from '../operations/dispatch.ts';
import type { Operation } from '../operations/operation.ts';
import { registry } from '../operations/registry.ts';
import { openApiKeyAuth } from './apiKeyAuth.ts';
import { createCallers, type People } from './callers.ts';
import { createConsole } from './consoleRoutes.ts';
import { createEventStreams } from './eventStreams.ts';
import { invoiceRoutes } from './invoiceRoutes.ts';
import { openapi } from './openapi.ts';
import { problem } from './problem.ts';
import { sessionRoutes } from './signIn/sessionRoutes.ts';

const BODY_MAX_BYTES = 64 * 1024;
const bodyMax = ({ bodyMaxBytes }: Operation): number => bodyMaxBytes ?? BODY_MAX_BYTES;

/**
 * The HTTP interface: a route per operation, the OpenAPI document, the event stream, a health check, and sign-in if people are
 * configured.
 */
export function createHttp(app: App, people: People | null = null, keys = openApiKeyAuth(app)): Hono {
  const http = new Hono();
  const callers = createCallers(keys, people);
  http.onError((error, c) => problem(c, error));
  const console = people ? createConsole() : null;
  const wrongMethod = refusalOfMethods();
  http.notFound(
    async (c) =>
      wrongMethod(c) ??
      (await console?.(c)) ??
      problem(c, new BursarError('not_found', { message: 'There is no such route. See /openapi.json.' })),
  );
  http.use(async (c, next) => {
    await next();
    // The client opens another connection for its next request: to another server.
    if (app.stopping.aborted) c.header('connection', 'close');
  });
  http.get('/health', (c) => c.json({ status: 'ok', version: app.version }));
  http.get('/ready', async (c) => {
    const readiness = await app.readiness();
    return c.json(readiness, readiness.ready ? 200 : 503, readiness.ready ? {} : { 'retry-after': '5' });
  });
  const document = JSON.stringify(openapi(registry, app.version));
  http.get('/openapi.json', (c) => c.body(document, 200, { 'content-type': 'application/json' }));
  http.get('/v1/events/stream', createEventStreams(app, callers, keys));
  // Fixed paths before those with parameters: `/v1/policies/active` is not a digest.
  const byRank = [...registry].sort((a, b) => rank(a.path) - rank(b.path));
  for (const operation of byRank) {
    const path = operation.path.replaceAll(/\{(\w+)\}/g, ':$1');
    const handled = limitBody(bodyMax(operation), async (c) => {
      const caller = await callers.of(c);
      keys.charge(caller, costs[operation.cost]);
      const input = operation.method === 'GET' ? query(c) : await body(c);
      const result = await dispatch(app, caller, {
        operation,
        input: withParameters(input, c.req.param()),
        meta: {
          idempotencyKey: c.req.header('idempotency-key') ?? null,
          owe: (tokens) => keys.owe(caller, tokens),
        },
      });
      return c.json(result as object, operation.idempotent ? 201 : 200);
    });
    http.on(operation.method, path, handled);
  }
  http.route('/i', invoiceRoutes(app, keys.addressOf));
  if (people) http.route('/auth', sessionRoutes(app, people, keys));
  return http;
}

/**
 * RFC 9110, 15.5.6: a 405 names the methods of the path in `Allow`; OPTIONS gets the same list. Null for a path that is not there.
 * Beside the routes, so that a request that has one passes a single handler.
 */
function refusalOfMethods(): (c: Context) => Response | null {
  const taken = new Map<string, Set<string>>([
    ['/health', new Set(['GET', 'HEAD'])],
    ['/ready', new Set(['GET', 'HEAD'])],
    ['/openapi.json', new Set(['GET', 'HEAD'])],
    ['/v1/events/stream', new Set(['GET', 'HEAD'])],
  ]);
  for (const { method, path } of registry) {
    const methods = taken.get(path) ?? new Set();
    taken.set(path, methods.add(method));
    if (method === 'GET') methods.add('HEAD');
  }
  // A fixed path takes precedence over one with a parameter that also matches.
  const byRank = [...taken].sort(([a], [b]) => rank(a) - rank(b));
  const allowed = new TrieRouter<string>();
  for (const [path, methods] of byRank) {
    allowed.add('ALL', path.replaceAll(/\{(\w+)\}/g, ':$1'), [...methods, 'OPTIONS'].sort().join(', '));
  }
  return (c) => {
    const [[allow] = []] = allowed.match('ALL', c.req.path)[0];
    if (allow === undefined) return null;
    if (c.req.method === 'OPTIONS') return c.body(null, 204, { allow });
    const refused = problem(c, new BursarError('method_not_allowed', { message: `This path takes ${allow}.` }));
    refused.headers.set('allow', allow);
    return refused;
  };
}

/**
 * Refuses larger bodies. If the length is declared, the HTTP parser enforces it, and checking the header is enough: Hono's own
 * middleware would build a whole web Request to read its stream. That is used only for chunked bodies.
 */
function limitBody(maxSize: number, handler: (c: Context) => Promise<Response>): Handler {
  const tooLarge = (c: Context): Response =>
    problem(c, new BursarError('body_too_large', { message: `The body is larger than ${maxSize / 1024} KiB.` }));
  const counting = bodyLimit({ maxSize, onError: tooLarge });
  return (c) => {
    // Never read.
    if (c.req.method === 'GET') return handler(c);
    const declared = c.req.header('content-length');
    if (declared === undefined || c.req.header('transfer-encoding') !== undefined) return counted(c);
    return Number(declared) > maxSize ? tooLarge(c) : handler(c);
  };

  async function counted(c: Context): Promise<Response> {
    let answer: Response | undefined;
    const refused = await counting(c, async () => {
      answer = await handler(c);
    });
    return (refused ?? answer) as Response;
  }
}

const rank = (path: string): number => (path.includes('{') ? 1 : 0);

async function body(c: Context): Promise<Record<string, unknown>> {
  const bytes = await c.req.arrayBuffer();
  return bytes.byteLength === 0 ? {} : readJsonObject(bytes);
}

/** A parameter given twice is refused, like a key twice in a body. */
function query(c: Context): Record<string, string> {
  for (const [name, values] of Object.entries(c.req.queries())) {
    if (values.length > 1) throw new BursarError('invalid_request', { message: `${name} is given twice in the URL.` });
  }
  return c.req.query();
}

/** A parameter comes from the path alone: a body that also names it is refused, not overridden. */
function withParameters(input: Record<string, unknown>, parameters: Record<string, string>): Record<string, unknown> {
  for (const name of Object.keys(parameters)) {
    if (name in input) throw new BursarError('invalid_request', { message: `${name} belongs in the path.` });
  }
  return { ...input, ...parameters };
}
