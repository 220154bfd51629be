import { lookup } from 'node:dns/promises';
import { type IncomingHttpHeaders, type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { isIP, type LookupFunction } from 'node:net';
import { pipeline, type Readable } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import { BursarError } from '../errors/base.ts';
import { bareHost, isMetadataAddress, isMetadataHost, isPublicAddress } from './publicAddress.ts';

export type Resolved = { address: string; family: number };
export type Guard = {
  /** Tells whether an operator has listed the host ("name" or "name:port"); a listed host may be private. */
  isListed: (host: string) => Promise<boolean>;
  /** Resolves a name to all its addresses. Tests replace the system's resolver. */
  resolve?: (hostname: string) => Promise<Resolved[]>;
};
export type GuardedRequest = { method: string; headers: Record<string, string>; body: Buffer | null };
export type GuardedAnswer = { status: number; headers: IncomingHttpHeaders; body: Buffer; truncated: boolean };
export type Limits = { maxBytes: number; signal: AbortSignal };

const MAX_HEADER_BYTES = 32 * 1024;

/**
 * Sends one HTTP request without redirects. The name is resolved once, every address is checked, and the connection uses the
 * checked address, which prevents DNS rebinding. Throws `fetch_refused` for a host that is neither public nor listed,
 * `fetch_failed` without an answer in time. A body longer than `maxBytes` is cut.
 */
export async function guardedRequest(
  url: URL,
  request: GuardedRequest,
  { maxBytes, signal }: Limits,
  guard: Guard,
): Promise<GuardedAnswer> {
  if (url.protocol !== 'http:' && url.protocol !== 'https:') throw refused(url, `${url.protocol} is not HTTP`);
  const address = await checkedAddress(url, guard, signal);
  try {
    const response = await send(url, request, address, signal);
    return await readAnswer(response, maxBytes);
  } catch (error) {
    if (error instanceof BursarError) throw error;
    throw failed(url, signal.aborted ? 'it took too long' : codeOf(error), error);
  }
}

async function checkedAddress(url: URL, guard: Guard, signal: AbortSignal): Promise<Resolved> {
  if (isMetadataHost(url.hostname)) throw refused(url, 'it is a metadata service');
  const hostname = bareHost(url.hostname);
  const literal = isIP(hostname);
  const found = literal === 0 ? await resolved(url, hostname, guard, signal) : [{ address: hostname, family: literal }];
  const [first] = found;
  if (!first) throw failed(url, 'the name has no address');
  // Metadata services stay refused for listed names: the name may have been pointed there later.
  if (found.some(({ address }) => isMetadataAddress(address))) throw refused(url, 'it leads to a metadata address');
  if (await guard.isListed(url.host)) return first;
  // All addresses must be public: a hostile name may mix one private address with public ones.
  if (!found.every(({ address }) => isPublicAddress(address))) {
    throw refused(url, 'it leads to a private, local or reserved address');
  }
  return first;
}

async function resolved(url: URL, hostname: string, guard: Guard, signal: AbortSignal): Promise<Resolved[]> {
  const resolve = guard.resolve ?? ((name: string) => lookup(name, { all: true }));
  const late = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(failed(url, 'it took too long')), { once: true });
  });
  try {
    return await Promise.race([resolve(hostname), late]);
  } catch (error) {
    if (error instanceof BursarError) throw error;
    throw failed(url, codeOf(error), error);
  }
}

function send(
  url: URL,
  { method, headers, body }: GuardedRequest,
  { address, family }: Resolved,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  const pinned: LookupFunction = (_hostname, options, done) => {
    if (options.all) done(null, [{ address, family }]);
    else done(null, address, family);
  };
  const start = url.protocol === 'https:' ? requestHttps : requestHttp;
  return new Promise((resolve, reject) => {
    const outgoing = start(
      url,
      {
        method,
        headers: {
          ...headers,
          'accept-encoding': 'identity',
          ...(body ? { 'content-length': String(body.length) } : {}),
        },
        lookup: pinned,
        // No connection pool: a connection serves only the request that it was checked for.
        agent: false,
        maxHeaderSize: MAX_HEADER_BYTES,
        signal,
      },
      resolve,
    );
    outgoing.once('error', reject);
    // Covers endings that are neither a response nor an error, such as a protocol switch. After either, this does nothing.
    outgoing.once('close', () => reject(new Error('closed')));
    outgoing.end(body ?? undefined);
  });
}

async function readAnswer(response: IncomingMessage, maxBytes: number): Promise<GuardedAnswer> {
  const chunks: Buffer[] = [];
  let size = 0;
  let truncated = false;
  for await (const chunk of decoded(response)) {
    const rest = maxBytes - size;
    const part = chunk as Buffer;
    chunks.push(part.length > rest ? part.subarray(0, rest) : part);
    size += Math.min(part.length, rest);
    if (part.length > rest) {
      truncated = true;
      break;
    }
  }
  response.destroy();
  return { status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks), truncated };
}

/** The request asks for plain bytes; a body that is compressed nevertheless is unpacked within the same limit. */
function decoded(response: IncomingMessage): Readable {
  const encoding = (response.headers['content-encoding'] ?? 'identity').toLowerCase();
  const makers = { gzip: createGunzip, 'x-gzip': createGunzip, deflate: createInflate, br: createBrotliDecompress };
  if (!Object.hasOwn(makers, encoding)) return response;
  return pipeline(response, makers[encoding as keyof typeof makers](), () => {
    // The reader of the stream gets the error itself.
  });
}

function refused(url: URL, reason: string): BursarError {
  return new BursarError('fetch_refused', {
    message: `Bursar does not fetch from ${url.host}: ${reason}.`,
    details: { host: url.host },
  });
}

function failed(url: URL, reason: string, cause?: unknown): BursarError {
  return new BursarError('fetch_failed', {
    message: `${url.host} gave no answer: ${reason}.`,
    details: { host: url.host },
    cause,
  });
}

/** Only the system's error code (ECONNREFUSED and so on) is kept: a message could contain text from the other side. */
function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string'
    ? error.code
    : 'the connection broke';
}
