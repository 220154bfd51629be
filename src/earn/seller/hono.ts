import { HonoAdapter, paymentMiddlewareFromHTTPServer } from '@x402/hono';
import type { Context, MiddlewareHandler } from 'hono';
import { type Answer, saleOf } from './sales.ts';
import { notReady, serveOnce } from './serveOnce.ts';
import { openShop, type Priced, type SellOptions } from './shop.ts';

export { durableSales } from './durableSales.ts';
export { memorySales, type SaleStore } from './sales.ts';
export type { Priced, SellOptions } from './shop.ts';

/** A payment is bound to bodies up to this many bytes; of larger ones only to the length. */
const BODY_HASHED_BYTES = 1024 * 1024;

/**
 * Sells routes of a Hono app: `app.use(sell({ 'POST /ocr': '0.01' }, { payTo }))`. The official middleware, connected to the Bursar
 * server that settles; a payment is served once and its answer can be fetched again.
 */
export function sell(routes: Readonly<Record<string, Priced>>, options: SellOptions): MiddlewareHandler {
  const shop = openShop(routes, options);
  let official: MiddlewareHandler | null = null;

  return async (c, next) => {
    const { path, method } = c.req;
    if (!shop.requiresPayment({ adapter: new HonoAdapter(c), path, method, decodedPath: decoded(path) })) return next();
    let middleware: MiddlewareHandler;
    try {
      const server = await shop.ready();
      official ??= paymentMiddlewareFromHTTPServer(server, undefined, undefined, false);
      middleware = official;
    } catch {
      return toResponse(notReady());
    }
    const sale = saleOf(c.req.header('payment-signature'), {
      method,
      target: new URL(c.req.url).pathname + new URL(c.req.url).search,
      body: await bodyOf(c),
    });
    if (!sale) return middleware(c, next);
    const answer = await serveOnce(shop, sale, async (verified) => {
      const returned = await middleware(c, async () => {
        verified();
        await next();
      });
      const response = returned ?? c.res;
      return { answer: await fromResponse(response) };
    });
    // Hono uses a returned response only if none was set yet, and merges headers unless the old one is cleared.
    c.res = undefined;
    c.res = toResponse(answer);
    return undefined;
  };
}

async function bodyOf(c: Context): Promise<Uint8Array | string> {
  if (c.req.method === 'GET' || c.req.method === 'HEAD') return '';
  const length = Number(c.req.header('content-length') ?? Number.NaN);
  // Hono caches a body that was read, so the handler can read it again.
  return length <= BODY_HASHED_BYTES ? new Uint8Array(await c.req.arrayBuffer()) : `length ${length}`;
}

async function fromResponse(response: Response): Promise<Answer> {
  return {
    status: response.status,
    headers: [...response.headers].map(([name, value]): [string, string] => [name, value]),
    body: new Uint8Array(await response.arrayBuffer()),
  };
}

function toResponse({ status, headers, body }: Answer): Response {
  const isBodiless = status === 204 || status === 304;
  return new Response(isBodiless ? null : Buffer.from(body), { status, headers });
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}
