import type { HTTPAdapter, HTTPRequestContext } from '@x402/core/server';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { openPurchase, type Purchase } from './purchase.ts';
import { type Answer, saleOf } from './sales.ts';
import { notReady, serveOnce } from './serveOnce.ts';
import { openShop, type Priced, type SellOptions } from './shop.ts';

export { durableSales } from './durableSales.ts';
export { memorySales, type SaleStore } from './sales.ts';
export type { Priced, SellOptions } from './shop.ts';

/**
 * Sells routes of a Fastify app: `app.register(sell({ 'POST /ocr': '0.01' }, { payTo }))`. There is no official Fastify
 * middleware on npm, so this one speaks to the official server of `@x402/core`.
 */
export function sell(
  routes: Readonly<Record<string, Priced>>,
  options: SellOptions,
): (app: FastifyInstance) => Promise<void> {
  const shop = openShop(routes, options);
  const purchases = new WeakMap<
    FastifyRequest,
    { purchase: Purchase; end: (answer: Answer) => Promise<Answer>; unseal: () => void }
  >();

  async function plugin(app: FastifyInstance): Promise<void> {
    app.addHook('preHandler', async (request, reply) => {
      const context = contextOf(request);
      if (!shop.requiresPayment(context)) return undefined;
      const server = await shop.ready().catch(() => null);
      if (server === null) return send(reply, notReady());
      const sale = saleOf(context.paymentHeader, {
        method: request.method,
        target: request.url,
        body: bodyOf(request),
      });
      if (!sale) {
        const opened = await openPurchase(server, context);
        return send(reply, opened.kind === 'answer' ? opened.answer : notReady());
      }
      // The handler runs between the two halves of `run`: this hook starts it, `onSend` brings its answer.
      return new Promise<FastifyReply | undefined>((resolve, reject) => {
        let ran = false;
        const served = serveOnce(shop, sale, async (verified) => {
          ran = true;
          const opened = await openPurchase(server, context);
          if (opened.kind === 'answer') {
            resolve(send(reply, opened.answer));
            return { answer: opened.answer };
          }
          if (opened.kind === 'free') throw new Error('A priced route was not priced.');
          const { purchase } = opened;
          verified();
          const answer = await new Promise<Answer>((settled, failed) => {
            const end = async (handlers: Answer): Promise<Answer> => {
              const closed = await purchase.close(handlers);
              settled(closed);
              return closed;
            };
            const unseal = purchase.upfrontHeaders === null ? seal(reply) : () => {};
            purchases.set(request, { purchase, end, unseal });
            reply.raw.once('close', () => failed(new Error('The buyer went away before the answer.')));
            resolve(undefined);
          });
          return { answer };
        });
        served.then(
          (answer) => {
            if (!ran) resolve(send(reply, answer));
          },
          (error: unknown) => reject(error as Error),
        );
      });
    });
    app.addHook('onSend', async (request, reply, payload) => {
      const held = purchases.get(request);
      if (!held) return payload;
      purchases.delete(request);
      const body = await bytesOf(payload);
      const answer = await held.end({ status: reply.statusCode, headers: headersOf(reply), body });
      held.unseal();
      reply.code(answer.status);
      for (const name of Object.keys(reply.getHeaders())) reply.removeHeader(name);
      for (const [name, value] of answer.headers) {
        if (name.toLowerCase() !== 'content-length') reply.header(name, value);
      }
      return Buffer.from(answer.body);
    });
  }
  // Fastify's marker by which the hooks apply to the whole app, not only inside this plugin.
  return Object.assign(plugin, { [Symbol.for('skip-override')]: true });
}

/**
 * Blocks writes of a handler that bypass Fastify, which would reach the buyer before the payment. Returns a function that unblocks.
 */
function seal({ raw }: FastifyReply): () => void {
  const refuse = (): never => {
    throw new Error('A sold route answers through Fastify: the raw response is closed until the payment has settled.');
  };
  const names = ['write', 'end', 'writeHead', 'flushHeaders'] as const;
  const own = Object.fromEntries(names.map((name) => [name, refuse]));
  Object.assign(raw, own);
  return () => {
    for (const name of names) Reflect.deleteProperty(raw, name);
  };
}

function contextOf(request: FastifyRequest): HTTPRequestContext & { paymentHeader?: string } {
  // Fastify can be configured to end the path at a semicolon (`useSemicolonDelimiter`, the default before version 5).
  const path = request.url.split(/[?;]/)[0] ?? '/';
  const header = (name: string): string | undefined => {
    const value = request.headers[name.toLowerCase()];
    return Array.isArray(value) ? value[0] : value;
  };
  const adapter: HTTPAdapter = {
    getHeader: header,
    getMethod: () => request.method,
    getPath: () => path,
    getUrl: () => `${request.protocol}://${request.host}${path}`,
    getAcceptHeader: () => header('accept') ?? '',
    getUserAgent: () => header('user-agent') ?? '',
    getQueryParams: () => request.query as Record<string, string>,
    getBody: () => request.body,
  };
  const paymentHeader = header('payment-signature');
  return { adapter, path, method: request.method, ...(paymentHeader === undefined ? {} : { paymentHeader }) };
}

function bodyOf(request: FastifyRequest): string {
  const { body } = request;
  return Buffer.isBuffer(body) ? body.toString('base64') : (JSON.stringify(body) ?? '');
}

async function bytesOf(payload: unknown): Promise<Uint8Array> {
  if (payload === null || payload === undefined) return new Uint8Array();
  if (typeof payload === 'string') return Buffer.from(payload);
  if (payload instanceof Uint8Array) return payload;
  const chunks: Buffer[] = [];
  for await (const chunk of payload as AsyncIterable<Uint8Array | string>) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

function headersOf(reply: FastifyReply): [string, string][] {
  return Object.entries(reply.getHeaders()).flatMap(([name, value]) =>
    value === undefined ? [] : [value].flat().map((each): [string, string] => [name, String(each)]),
  );
}

function send(reply: FastifyReply, { status, headers, body }: Answer): FastifyReply {
  reply.code(status);
  for (const [name, value] of headers) {
    if (name.toLowerCase() !== 'content-length') reply.header(name, value);
  }
  return reply.send(Buffer.from(body));
}
