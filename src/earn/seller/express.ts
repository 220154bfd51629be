import { ExpressAdapter, paymentMiddlewareFromHTTPServer } from '@x402/express';
import type { NextFunction, Request, RequestHandler, Response } from 'express';
import { type Answer, saleOf } from './sales.ts';
import { notReady, serveOnce } from './serveOnce.ts';
import { openShop, type Priced, type SellOptions } from './shop.ts';

export { durableSales } from './durableSales.ts';
export { memorySales, type SaleStore } from './sales.ts';
export type { Priced, SellOptions } from './shop.ts';

type Middleware = ReturnType<typeof paymentMiddlewareFromHTTPServer>;

/**
 * Sells routes of an Express app: `app.use(sell({ 'POST /ocr': '0.01' }, { payTo }))`, after `express.json()` if bodies are parsed:
 * a payment is bound to a parsed body, but only to the length of a raw one.
 */
export function sell(routes: Readonly<Record<string, Priced>>, options: SellOptions): RequestHandler {
  const shop = openShop(routes, options);
  let official: Middleware | null = null;

  async function handle(req: Request, res: Response, next: NextFunction): Promise<void> {
    const { path, method } = req;
    const adapter = new ExpressAdapter(req);
    if (!shop.requiresPayment({ adapter, path, method, decodedPath: decoded(path) })) return next();
    let middleware: Middleware;
    try {
      const server = await shop.ready();
      official ??= paymentMiddlewareFromHTTPServer(server, undefined, undefined, false);
      middleware = official;
    } catch {
      return send(res, notReady());
    }
    const sale = saleOf(req.header('payment-signature'), { method, target: req.originalUrl, body: bodyOf(req) });
    if (!sale) {
      await middleware(req, res, next);
      return;
    }
    let ran = false;
    const answer = await serveOnce(shop, sale, async (verified) => {
      ran = true;
      const recorded = record(res);
      recorded.catch(() => {});
      await middleware(req, res, (error?: unknown) => {
        verified();
        return error === undefined ? next() : next(error);
      });
      return { answer: await recorded };
    });
    if (!ran) send(res, answer);
  }
  return (req, res, next) => {
    handle(req, res, next).catch(next);
  };
}

function bodyOf(req: Request): string {
  const body: unknown = req.body;
  if (body !== undefined) return Buffer.isBuffer(body) ? body.toString('base64') : (JSON.stringify(body) ?? '');
  return `length ${req.header('content-length') ?? 0}`;
}

/** The final write to the client: the official middleware writes through these once it has settled. */
function record(res: Response): Promise<Answer> {
  const chunks: Buffer[] = [];
  const [write, end] = [res.write, res.end];
  const keep = (chunk: unknown, encoding: unknown): void => {
    if (typeof chunk === 'string') {
      chunks.push(Buffer.from(chunk, typeof encoding === 'string' ? (encoding as BufferEncoding) : 'utf8'));
    } else if (chunk instanceof Uint8Array) chunks.push(Buffer.from(chunk));
  };
  return new Promise((resolve, reject) => {
    res.write = ((...args: Parameters<typeof write>) => {
      keep(args[0], args[1]);
      return write.apply(res, args);
    }) as typeof res.write;
    res.end = ((...args: Parameters<typeof end>) => {
      keep(args[0], args[1]);
      const ended = end.apply(res, args);
      resolve({ status: res.statusCode, headers: headersOf(res), body: Buffer.concat(chunks) });
      return ended;
    }) as typeof res.end;
    res.once('close', () => reject(new Error('The buyer went away before the answer.')));
  });
}

function headersOf(res: Response): [string, string][] {
  return Object.entries(res.getHeaders()).flatMap(([name, value]) =>
    value === undefined ? [] : [value].flat().map((each): [string, string] => [name, String(each)]),
  );
}

function send(res: Response, { status, headers, body }: Answer): void {
  res.status(status);
  for (const [name, value] of headers) {
    if (name.toLowerCase() !== 'content-length' && name.toLowerCase() !== 'transfer-encoding') res.append(name, value);
  }
  res.end(body);
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}
