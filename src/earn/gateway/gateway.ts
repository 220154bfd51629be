import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { BursarError } from '../../core/errors/base.ts';
import { log } from '../../core/log/log.ts';
import type { SaleStore } from '../seller/sales.ts';
import { refusal } from '../seller/serveOnce.ts';
import { type SellOptions, shopOf, shopOptions } from '../seller/shop.ts';
import { asMcpAnswer } from './mcpWire.ts';
import { compile, type PricedRoute } from './routes.ts';
import { type Asked, type Counter, give, officialRoutes, sellRequest, tooLarge } from './sell.ts';
import type { Table } from './table.ts';
import { readTarget } from './target.ts';
import { priceTools, type ToolCall } from './tools.ts';
import { hasNoBody, openUpstream } from './upstream.ts';

export type GatewayOptions = {
  table: Table & { upstream: string };
  /** The earning wallet's address. */
  payTo: string;
  host?: string;
  /** 0 means a free port. */
  port?: number;
  /** Default: in memory. */
  sales?: SaleStore;
  followMs?: number;
};
export type Gateway = { url: string; stop(): Promise<void> };

/** A signed payment takes 1 to 3 KB, an offer with extensions as much. */
const HEADERS_MAX_BYTES = 32 * 1024;

/**
 * A reverse proxy that sells an HTTP API. Unpriced requests pass straight through, streams and websockets too. Throws
 * `not_configured` if the facilitator cannot settle what a route asks for, or the port is in use.
 */
export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  const { table } = options;
  const { find, priced } = compile(table);
  const terms = shopOptions(sellOptions(options));
  const counter: Counter = {
    shop: shopOf(terms, (asset) => officialRoutes(priced, asset, terms)),
    upstream: openUpstream({
      url: table.upstream,
      trustForwarded: table.trust_forwarded,
      timeoutMs: table.limits.upstream_timeout_ms,
      connections: table.limits.upstream_connections,
    }),
    url: table.url ?? null,
    responseMaxBytes: table.limits.response_bytes,
  };
  await requireUpto(counter, priced);

  function handle(request: IncomingMessage, response: ServerResponse): void {
    const { method = 'GET', url = '/' } = request;
    const target = readTarget(url);
    const route = target && find(method, target);
    if (target === null) give(response, refusal(400, 'ambiguous_path', 'The path can be read in two ways.'));
    else if (method === 'TRACE') give(response, refusal(405, 'method_not_allowed', 'TRACE is not passed on.'));
    else if (route === null) counter.upstream.pipe(request, response);
    else sellSafely(route, request, response);
  }

  function sellSafely(route: PricedRoute, request: IncomingMessage, response: ServerResponse): void {
    sellRoute(route, request, response).catch((error: unknown) => {
      log.error({ err: error }, 'a priced request failed');
      if (response.headersSent) response.destroy();
      else
        give(
          response,
          refusal(500, 'gateway_failed', 'The gateway failed; nothing was charged that was not answered.'),
        );
    });
  }

  async function sellRoute(route: PricedRoute, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const limit = table.limits.request_bytes;
    const { price, tools } = route;
    if (tools === null) {
      if (price === null) return;
      const body = () => readBody(request, limit);
      return sellRequest(counter, route, { amount: price, body }, { request, response });
    }
    // A tool call has a body; an MCP client opens the event stream without one.
    if (hasNoBody(request)) return counter.upstream.pipe(request, response);
    if (request.headers['content-encoding'] !== undefined) {
      return give(response, refusal(415, 'encoding_not_supported', 'Send the tool call without a content-encoding.'));
    }
    // A server that obeys a charset such as UTF-7 would read another call than the priced one.
    const [, charset = 'utf-8'] = /;\s*charset\s*=\s*"?([^\s";]*)/i.exec(request.headers['content-type'] ?? '') ?? [];
    if (!/^utf-?8$/i.test(charset)) {
      return give(response, refusal(415, 'encoding_not_supported', 'Send the tool call in UTF-8.'));
    }
    const body = await readBody(request, limit);
    if (body === null) return tooLarge(request, response);
    const call = priceTools(route, body);
    if ('refused' in call) return give(response, refusal(400, 'invalid_tool_call', call.refused));
    if (call.amount === 0n) return counter.upstream.pipe(request, response, { body: call.body });
    return sellRequest(counter, route, asTold(route, call), { request, response });
  }

  const tunnels = new Set<Duplex>();
  function upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    tunnels.add(socket);
    socket.once('close', () => tunnels.delete(socket));
    socket.on('error', () => socket.destroy());
    const target = readTarget(request.url ?? '/');
    const route = target && find(request.method ?? 'GET', target);
    // Another protocol in the tunnel, such as h2c, could carry requests without a price.
    const isWebsocket = request.headers.upgrade?.toLowerCase() === 'websocket' && hasNoBody(request);
    if (target === null || route !== null || !isWebsocket) {
      const body = JSON.stringify({
        code: 'upgrade_not_sold',
        detail: 'Only websockets are passed through, and only on free routes: what is in a tunnel cannot be priced.',
      });
      socket.end(
        `HTTP/1.1 ${target === null ? '400 Bad Request' : '501 Not Implemented'}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\nconnection: close\r\n\r\n${body}`,
      );
      return;
    }
    counter.upstream.upgrade(request, socket, head);
  }

  const server = createServer({ maxHeaderSize: HEADERS_MAX_BYTES, requestTimeout: 0 }, handle);
  server.on('upgrade', upgrade);
  const url = await listen(server, options.host ?? '127.0.0.1', options.port ?? 0);
  return {
    url,
    stop: async () => {
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
        // Upgraded connections no longer belong to the server.
        for (const tunnel of tunnels) tunnel.destroy();
      });
      counter.upstream.close();
    },
  };
}

/** An MCP client that pays inside its messages gets its answer in them. */
function asTold(route: PricedRoute, { amount, body, names, id, payment }: ToolCall): Asked {
  if (payment === null && route.wire === 'http') return { amount, body };
  return {
    amount,
    body,
    resource: `mcp://tool/${encodeURIComponent(names[0] ?? '')}`,
    ...(payment === null ? {} : { payment }),
    present: (answer) => asMcpAnswer(id, answer),
  };
}

function sellOptions({ table, payTo, sales, followMs }: GatewayOptions): SellOptions {
  return {
    payTo,
    ...(table.bursar === undefined ? {} : { bursar: table.bursar }),
    ...(table.facilitator === undefined ? {} : { facilitator: table.facilitator }),
    ...(table.asset === undefined ? {} : { asset: table.asset }),
    ...(table.url === undefined ? {} : { url: table.url }),
    ...(sales === undefined ? {} : { sales }),
    ...(followMs === undefined ? {} : { followMs }),
  };
}

/** A route that could never be paid is an error at the start, not a 402 without a possible payment. */
async function requireUpto(counter: Counter, priced: readonly PricedRoute[]): Promise<void> {
  if (!priced.some(({ scheme }) => scheme === 'upto')) return;
  const supported = await counter.shop.supports('upto').catch(() => null);
  if (supported) return;
  throw new BursarError('not_configured', {
    message:
      supported === null
        ? 'A route asks for upto, and the facilitator does not answer whether it settles that.'
        : 'A route asks for upto, which this facilitator does not settle (Bursar’s own settles exact). Name one that does under `facilitator`, or price the route with exact.',
  });
}

/** Null: the body is larger. */
function readBody(request: IncomingMessage, limit: number): Promise<Buffer | null> {
  if (Number(request.headers['content-length'] ?? 0) > limit) return Promise.resolve(null);
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    request.on('data', (chunk: Buffer) => {
      length += chunk.byteLength;
      if (length <= limit) chunks.push(chunk);
      else resolve(null);
    });
    request.once('end', () => resolve(Buffer.concat(chunks)));
    request.once('error', reject);
    request.once('close', () => reject(new Error('The client went away.')));
  });
}

function listen(server: Server, host: string, port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) =>
      reject(new BursarError('not_configured', { message: `Cannot listen on ${host}:${port}: ${error.message}` })),
    );
    server.listen(port, host, () => {
      const { port: taken } = server.address() as AddressInfo;
      resolve(`http://${host.includes(':') ? `[${host}]` : host}:${taken}`);
    });
  });
}
