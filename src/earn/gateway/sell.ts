import type { IncomingMessage, ServerResponse } from 'node:http';
import type { HTTPAdapter, HTTPRequestContext, RoutesConfig } from '@x402/core/server';
import { log } from '../../core/log/log.ts';
import { type MicroUsdc, parseUsdc } from '../../core/money/microUsdc.ts';
import type { Asset } from '../seller/bursar.ts';
import { openPurchase, type Purchase } from '../seller/purchase.ts';
import { type Answer, saleOf } from '../seller/sales.ts';
import { notReady, refusal, serveOnce } from '../seller/serveOnce.ts';
import { routeConfig, type SellOptions, type Shop } from '../seller/shop.ts';
import type { PricedRoute } from './routes.ts';
import { hasNoBody, type Upstream, UpstreamError } from './upstream.ts';

export type Counter = {
  shop: Shop;
  upstream: Upstream;
  /** The URL at which buyers reach the gateway; null: from their Host header. */
  url: string | null;
  responseMaxBytes: number;
};

/** The official server reads a request through this. It includes the price, because that of a tool call depends on its body. */
class Asking implements HTTPAdapter {
  readonly request: IncomingMessage;
  readonly amount: MicroUsdc;
  readonly #base: string;

  readonly #asked: Pick<Asked, 'resource' | 'payment'>;

  constructor(request: IncomingMessage, asked: Asked, url: string | null) {
    this.request = request;
    this.amount = asked.amount;
    this.#asked = asked;
    this.#base = url?.replace(/\/+$/, '') ?? `http://${request.headers.host ?? 'localhost'}`;
  }
  getHeader(name: string): string | undefined {
    const wanted = name.toLowerCase();
    if (wanted === 'payment-signature' && this.#asked.payment !== undefined) return this.#asked.payment;
    const value = this.request.headers[wanted];
    return Array.isArray(value) ? value[0] : value;
  }
  getMethod(): string {
    return this.request.method ?? 'GET';
  }
  getPath(): string {
    return this.request.url?.split('?')[0] ?? '/';
  }
  /** Without the query: it may contain secrets, and offers get logged. */
  getUrl(): string {
    return this.#asked.resource ?? `${this.#base}${this.getPath()}`;
  }
  getAcceptHeader(): string {
    return this.getHeader('accept') ?? '';
  }
  getUserAgent(): string {
    return this.getHeader('user-agent') ?? '';
  }
}

/** The official routes identify a priced route by its place in the table; the route itself was chosen before. */
const pathOf = (route: PricedRoute): string => `/route/${route.index}`;

export function officialRoutes(routes: readonly PricedRoute[], asset: Asset, options: SellOptions): RoutesConfig {
  return Object.fromEntries(
    routes.map((route) => {
      const config = routeConfig(
        pathOf(route),
        {
          // A placeholder until the request provides its own.
          price: '0.000001',
          flow: route.flow,
          maxTimeoutSeconds: route.maxTimeoutSeconds,
          ...(route.description === null ? {} : { description: route.description }),
          ...(route.mimeType === null ? {} : { mimeType: route.mimeType }),
        },
        asset,
        { payTo: options.payTo },
      );
      const { accepts } = config;
      if (Array.isArray(accepts)) return [pathOf(route), config];
      const price = async ({ adapter }: HTTPRequestContext) => {
        const amount = adapter instanceof Asking ? adapter.amount.toString() : '0';
        const extra = { name: asset.name, version: asset.version };
        return { asset: asset.address, amount, extra };
      };
      const extra = route.flow === 'upfront' ? { extra: { paymentFlow: route.flow } } : {};
      return [pathOf(route), { ...config, accepts: { ...accepts, scheme: route.scheme, price, ...extra } }];
    }),
  );
}

/** The requested sale. `resource`, `payment` and `present` differ from HTTP's own for the MCP transport. */
export type Asked = {
  amount: MicroUsdc;
  body: Buffer | (() => Promise<Buffer | null>);
  resource?: string | undefined;
  payment?: string | undefined;
  present?: ((answer: Answer) => Answer) | undefined;
};

/** Sells one request: offers, verifies, calls the upstream, settles, and returns its answer; or says why not. */
export async function sellRequest(
  counter: Counter,
  route: PricedRoute,
  asked: Asked,
  { request, response }: { request: IncomingMessage; response: ServerResponse },
): Promise<void> {
  const { amount, body, present = (answer: Answer) => answer } = asked;
  const server = await counter.shop.ready().catch((error: unknown) => {
    log.warn({ reason: error instanceof Error ? error.message : String(error) }, 'the facilitator does not answer');
    return null;
  });
  if (server === null) return give(response, notReady());
  const adapter = new Asking(request, asked, counter.url);
  const context: HTTPRequestContext = { adapter, path: pathOf(route), method: adapter.getMethod() };
  const header = adapter.getHeader('payment-signature');
  if (header === undefined) {
    const opened = await openPurchase(server, context);
    drain(request, response);
    return give(response, present(opened.kind === 'answer' ? opened.answer : notReady()));
  }
  const held = Buffer.isBuffer(body) ? body : await body();
  if (held === null) return tooLarge(request, response);
  const sale = saleOf(header, { method: adapter.getMethod(), target: request.url ?? '/', body: held });
  if (!sale) {
    const opened = await openPurchase(server, context);
    return give(response, present(opened.kind === 'answer' ? opened.answer : notReady()));
  }
  if (route.flow === 'upfront') {
    let streaming: Purchase | null = null;
    const answer = await serveOnce(counter.shop, sale, async (verified) => {
      const opened = await openPurchase(server, context);
      if (opened.kind !== 'purchase') {
        return { answer: opened.kind === 'answer' ? opened.answer : notReady() };
      }
      verified();
      streaming = opened.purchase;
      // Paid for, and streamed: there is no answer to keep.
      const body = new Uint8Array();
      return {
        answer: { status: 200, headers: opened.purchase.upfrontHeaders ?? [], body },
        keep: false,
      };
    });
    if (streaming === null) return give(response, present(answer));
    const { payer, upfrontHeaders } = streaming as Purchase;
    const added = toldUpstream(payer, amount);
    return counter.upstream.pipe(request, response, {
      ...(hasNoBody(request) ? {} : { body: held }),
      added,
      addToAnswer: upfrontHeaders ?? [],
      withheld: WITHHELD,
    });
  }
  const answer = await serveOnce(counter.shop, sale, async (verified) => {
    const opened = await openPurchase(server, context);
    if (opened.kind !== 'purchase') {
      return { answer: opened.kind === 'answer' ? opened.answer : notReady() };
    }
    const { purchase } = opened;
    verified();
    const done = await ask(counter, request, held, toldUpstream(purchase.payer, amount));
    if (done.status >= 400 || route.chargeHeader === null) return { answer: await purchase.close(done) };
    const charge = chargeOf(done, route.chargeHeader, amount);
    const priced =
      charge === null ? refusal(502, 'upstream_charge_missing', 'The upstream did not say what this costs.') : done;
    return {
      answer: await purchase.close(withoutHeader(priced, route.chargeHeader), charge ?? undefined),
    };
  });
  give(response, present(answer));
}

/** Holds the upstream's answer until it is paid. If there is none, the answer is a 502 or 504, which costs nothing. */
async function ask(
  counter: Counter,
  request: IncomingMessage,
  body: Buffer,
  added: Record<string, string>,
): Promise<Answer> {
  try {
    const sent = hasNoBody(request) ? {} : { body };
    const {
      status,
      headers,
      body: answered,
    } = await counter.upstream.fetch(request, {
      ...sent,
      added,
      maxBytes: counter.responseMaxBytes,
    });
    return { status, headers: headers.filter(([name]) => !WITHHELD.has(name.toLowerCase())), body: answered };
  } catch (error) {
    if (!(error instanceof UpstreamError)) throw error;
    return refusal(error.status, error.status === 504 ? 'upstream_timeout' : 'upstream_failed', error.message);
  }
}

/** Headers of a paid answer that only the gateway may set. */
const WITHHELD: ReadonlySet<string> = new Set([
  'payment-response',
  'payment-required',
  'x-payment-response',
  'settlement-overrides',
]);

function toldUpstream(payer: string | null, amount: bigint): Record<string, string> {
  return { 'x-bursar-amount': amount.toString(), ...(payer === null ? {} : { 'x-bursar-payer': payer }) };
}

/** Micro-USDC, never above the signed amount. Null if the upstream's header cannot be read. */
function chargeOf({ headers }: Answer, name: string, most: bigint): bigint | null {
  const value = headers.find(([each]) => each.toLowerCase() === name)?.[1];
  if (value === undefined) return null;
  try {
    const charge = parseUsdc(value.trim());
    return charge > most ? most : charge;
  } catch {
    return null;
  }
}

function withoutHeader(answer: Answer, name: string): Answer {
  return { ...answer, headers: answer.headers.filter(([each]) => each.toLowerCase() !== name) };
}

export function tooLarge(request: IncomingMessage, response: ServerResponse): void {
  drain(request, response);
  give(response, refusal(413, 'body_too_large', 'The request is larger than this gateway takes.'));
}

/** Up to this many bytes of a refused request are read to keep its connection; for a larger one the connection is closed. */
const DRAIN_MAX_BYTES = 64 * 1024;

function drain(request: IncomingMessage, response: ServerResponse): void {
  if (hasNoBody(request)) return;
  const length = Number(request.headers['content-length'] ?? Number.NaN);
  if (!(length <= DRAIN_MAX_BYTES)) response.shouldKeepAlive = false;
  request.resume();
}

export function give(response: ServerResponse, { status, headers, body }: Answer): void {
  if (response.headersSent || response.destroyed) return;
  const kept = headers.filter(([name]) => !/^(?:content-length|transfer-encoding|connection)$/i.test(name)).flat();
  const isBodiless = status === 204 || status === 304;
  response.writeHead(status, isBodiless ? kept : [...kept, 'content-length', String(body.byteLength)]);
  response.end(isBodiless ? undefined : body);
}
