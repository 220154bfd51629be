import { lookup } from 'node:dns';
import {
  Agent as HttpAgent,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  request as requestHttp,
  type ServerResponse,
} from 'node:http';
import { Agent as HttpsAgent, request as requestHttps } from 'node:https';
import type { LookupFunction } from 'node:net';
import { BursarError } from '../../core/errors/base.ts';
import { bareHost, isMetadataAddress, isMetadataHost } from '../../core/net/publicAddress.ts';
import { requestHeaders, responseHeaders } from './headers.ts';

/** The upstream could not be reached, broke off, or took too long. `began`: it may have done its work. */
export class UpstreamError extends Error {
  override readonly name = 'UpstreamError';
  readonly status: 502 | 504;
  readonly began: boolean;

  constructor(status: 502 | 504, message: string, began: boolean) {
    super(message);
    this.status = status;
    this.began = began;
  }
}

export type Fetched = { status: number; headers: [string, string][]; raw: IncomingMessage; body: Buffer };
export type SendOptions = { body?: Buffer; added?: Record<string, string> };

export interface Upstream {
  readonly host: string;
  /** Streams request and answer through. Resolves when the answer is under way or refused. */
  pipe(
    request: IncomingMessage,
    response: ServerResponse,
    options?: SendOptions & { addToAnswer?: [string, string][]; withheld?: ReadonlySet<string> },
  ): void;
  /** Sends a held request and holds the answer. Throws `UpstreamError`, also for an answer above the limit. */
  fetch(request: IncomingMessage, options: SendOptions & { maxBytes: number }): Promise<Fetched>;
  /** Passes an upgraded connection through. */
  upgrade(request: IncomingMessage, socket: import('node:stream').Duplex, head: Buffer): void;
  close(): void;
}

export function openUpstream(options: {
  url: string;
  trustForwarded: boolean;
  timeoutMs: number;
  connections: number;
}): Upstream {
  const base = new URL(options.url);
  if (isMetadataHost(base.hostname)) {
    throw new BursarError('not_configured', {
      message: `The upstream ${base.host} is a metadata service: it is never sold.`,
    });
  }
  const secure = base.protocol === 'https:';
  const settings = {
    keepAlive: true,
    maxSockets: options.connections,
    maxFreeSockets: 64,
    scheduling: 'lifo',
    lookup: guardedLookup,
  } as const;
  const agent = secure ? new HttpsAgent(settings) : new HttpAgent(settings);
  const request = secure ? requestHttps : requestHttp;
  const prefix = base.pathname.replace(/\/+$/, '');
  const port = base.port === '' ? (secure ? 443 : 80) : Number(base.port);
  const hostname = bareHost(base.hostname);

  function start(from: IncomingMessage, { added, body }: SendOptions, extra: Record<string, string> = {}) {
    const headers = requestHeaders(from, {
      host: base.host,
      trustForwarded: options.trustForwarded,
      added: { ...added, ...extra },
    });
    frame(headers, from, body);
    const outgoing = request({
      agent: 'connection' in extra ? false : agent,
      lookup: guardedLookup,
      host: hostname,
      port,
      method: from.method ?? 'GET',
      path: prefix + (from.url ?? '/'),
      headers,
      ...(options.timeoutMs > 0 ? { timeout: options.timeoutMs } : {}),
    });
    outgoing.once('timeout', () => outgoing.destroy(new UpstreamError(504, 'The upstream took too long.', true)));
    return outgoing;
  }

  /** The upstream may have closed a kept connection just now: a retry is safe if nothing was sent on it. */
  const isStale = (error: Error, reused: boolean, method: string): boolean =>
    reused && 'code' in error && error.code === 'ECONNRESET' && (method === 'GET' || method === 'HEAD');

  function pipe(
    from: IncomingMessage,
    response: ServerResponse,
    sending: Parameters<Upstream['pipe']>[2] = {},
    retried = false,
  ): void {
    const outgoing = start(from, sending);
    outgoing.once('response', (answer) => {
      const headers = responseHeaders(answer, sending.withheld ?? null);
      for (const [name, value] of sending.addToAnswer ?? []) headers.push(name, value);
      response.writeHead(answer.statusCode ?? 502, headers);
      // The reader of an event stream waits for the headers, perhaps long before the first event.
      if (String(answer.headers['content-type']).startsWith('text/event-stream')) response.flushHeaders();
      answer.on('error', () => response.destroy());
      answer.pipe(response);
    });
    outgoing.on('error', (error) => {
      if (response.headersSent) response.destroy();
      else if (!retried && isStale(error, outgoing.reusedSocket, from.method ?? 'GET'))
        pipe(from, response, sending, true);
      else fail(response, asUpstreamError(error), sending.addToAnswer ?? []);
    });
    response.once('close', () => {
      if (!response.writableFinished) outgoing.destroy();
    });
    if (sending.body !== undefined) outgoing.end(sending.body);
    else if (hasNoBody(from)) outgoing.end();
    else from.pipe(outgoing);
  }

  function fetched(
    from: IncomingMessage,
    sending: SendOptions & { maxBytes: number },
    retried = false,
  ): Promise<Fetched> {
    return new Promise((resolve, reject) => {
      const outgoing = start(from, sending);
      outgoing.once('response', (answer) => {
        const chunks: Buffer[] = [];
        let length = 0;
        answer.on('data', (chunk: Buffer) => {
          chunks.push(chunk);
          length += chunk.byteLength;
          if (length <= sending.maxBytes) return;
          reject(new UpstreamError(502, 'The answer is too large.', true));
          outgoing.destroy();
        });
        answer.on('error', (error) => reject(asUpstreamError(error)));
        answer.once('end', () => {
          if (length > sending.maxBytes) return;
          const flat = responseHeaders(answer, null);
          const headers: [string, string][] = [];
          for (let i = 0; i + 1 < flat.length; i += 2) headers.push([flat[i] as string, flat[i + 1] as string]);
          resolve({ status: answer.statusCode ?? 502, headers, raw: answer, body: Buffer.concat(chunks) });
        });
      });
      outgoing.on('error', (error) => {
        if (!retried && isStale(error, outgoing.reusedSocket, from.method ?? 'GET')) {
          fetched(from, sending, true).then(resolve, reject);
        } else reject(asUpstreamError(error));
      });
      outgoing.end(sending.body);
    });
  }

  return {
    host: base.host,
    pipe: (from, response, sending) => pipe(from, response, sending),
    fetch: (from, sending) => fetched(from, sending),
    upgrade: (from, socket, head) => {
      const outgoing = start(from, {}, { connection: 'Upgrade', upgrade: 'websocket' });
      const raw = (status: string, flat: readonly string[]): string => {
        const lines = [`HTTP/1.1 ${status}`];
        for (let i = 0; i + 1 < flat.length; i += 2) lines.push(`${flat[i]}: ${flat[i + 1]}`);
        return `${lines.join('\r\n')}\r\n\r\n`;
      };
      outgoing.once('upgrade', (answer, other, otherHead) => {
        outgoing.setTimeout(0);
        other.setTimeout(0);
        socket.write(raw('101 Switching Protocols', answer.rawHeaders));
        if (otherHead.byteLength > 0) socket.write(otherHead);
        if (head.byteLength > 0) other.write(head);
        other.on('error', () => socket.destroy());
        socket.on('error', () => other.destroy());
        socket.once('close', () => other.destroy());
        other.once('close', () => socket.destroy());
        socket.pipe(other).pipe(socket);
      });
      outgoing.once('response', (answer) => {
        // The body is not chunked, and ends with the connection.
        const headers = [...responseHeaders(answer, null), 'connection', 'close'];
        socket.write(raw(`${answer.statusCode} ${answer.statusMessage}`, headers));
        answer.pipe(socket);
      });
      outgoing.once('error', () =>
        socket.end('HTTP/1.1 502 Bad Gateway\r\nconnection: close\r\ncontent-length: 0\r\n\r\n'),
      );
      socket.once('close', () => outgoing.destroy());
      outgoing.end();
    },
    close: () => agent.destroy(),
  };
}

/**
 * Resolves the upstream's name; a name that resolves to a cloud's metadata service is an error, even if it changes to that later.
 */
const guardedLookup: LookupFunction = (hostname, options, done) => {
  lookup(hostname, options, (error, found, family) => {
    const addresses = Array.isArray(found) ? found.map(({ address }) => address) : [found];
    const bad = error === null && addresses.some(isMetadataAddress);
    done(bad ? new Error('The upstream leads to a metadata address.') : error, found, family);
  });
};

/**
 * Frames the body, regardless of the client's headers: Node adds no framing for GET or DELETE, and bytes without a frame would be
 * the next request to the upstream (RFC 9112 section 11.2).
 */
function frame(headers: OutgoingHttpHeaders, from: IncomingMessage, body: Buffer | undefined): void {
  delete headers['content-length'];
  if (body !== undefined) headers['content-length'] = String(body.byteLength);
  else if (hasNoBody(from)) {
    if (from.headers['content-length'] !== undefined) headers['content-length'] = '0';
  } else if (from.headers['content-length'] === undefined) headers['transfer-encoding'] = 'chunked';
  else headers['content-length'] = from.headers['content-length'];
}

export function hasNoBody(request: IncomingMessage): boolean {
  const { headers } = request;
  return headers['transfer-encoding'] === undefined && (headers['content-length'] ?? '0') === '0';
}

function asUpstreamError(error: Error): UpstreamError {
  if (error instanceof UpstreamError) return error;
  const code = 'code' in error ? String(error.code) : '';
  const began = code !== 'ECONNREFUSED' && code !== 'ENOTFOUND';
  return new UpstreamError(502, 'The upstream does not answer.', began);
}

function fail(response: ServerResponse, error: UpstreamError, headers: readonly [string, string][]): void {
  const code = error.status === 504 ? 'upstream_timeout' : 'upstream_failed';
  response.writeHead(error.status, [...headers.flat(), 'content-type', 'application/json']);
  response.end(JSON.stringify({ code, detail: error.message }));
}
