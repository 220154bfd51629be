import type { IncomingMessage, OutgoingHttpHeaders } from 'node:http';

/** Hop-by-hop headers (RFC 9110 section 7.6.1). */
const HOP = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'expect',
]);
/** Never passed on: the payment, the client's claims of its identity, and other ways to name a method or a path. */
const HELD = new Set([
  'host',
  'payment-signature',
  'x-payment',
  'x-http-method-override',
  'x-http-method',
  'x-method-override',
  'x-original-url',
  'x-rewrite-url',
  'x-bursar-payer',
  'x-bursar-amount',
]);
const FORWARDED = new Set([
  'forwarded',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-forwarded-port',
  'x-real-ip',
]);

/** The headers for the upstream. Repeated headers stay repeated. */
export function requestHeaders(
  request: IncomingMessage,
  options: { host: string; trustForwarded: boolean; added?: Record<string, string> },
): OutgoingHttpHeaders {
  const { rawHeaders } = request;
  const headers: Record<string, string | string[]> = Object.create(null);
  const dropped = connectionTokens(request.headers.connection);
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = (rawHeaders[i] as string).toLowerCase();
    // CGI, WSGI and PHP read an underscore as the dash of another header.
    const known = name.replaceAll('_', '-');
    if (HOP.has(known) || HELD.has(known) || dropped?.has(name)) continue;
    if (FORWARDED.has(known) && (name !== known || !options.trustForwarded)) continue;
    append(headers, name, rawHeaders[i + 1] as string);
  }
  const client = request.socket.remoteAddress ?? '';
  const before = options.trustForwarded ? request.headers['x-forwarded-for'] : undefined;
  headers['x-forwarded-for'] = before === undefined ? client : `${before}, ${client}`;
  headers['x-forwarded-host'] ??= request.headers.host ?? '';
  headers['x-forwarded-proto'] ??= 'http';
  headers.host = options.host;
  return Object.assign(headers, options.added);
}

/** The headers for the buyer, as name, value, name, value. `withheld`: lower-case names that are dropped. */
export function responseHeaders(response: IncomingMessage, withheld: ReadonlySet<string> | null): string[] {
  const { rawHeaders } = response;
  const kept: string[] = [];
  const dropped = connectionTokens(response.headers.connection);
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const raw = rawHeaders[i] as string;
    const name = raw.toLowerCase();
    if (HOP.has(name) || dropped?.has(name) || withheld?.has(name)) continue;
    kept.push(raw, rawHeaders[i + 1] as string);
  }
  return kept;
}

function connectionTokens(value: string | undefined): Set<string> | null {
  if (value === undefined || /^(?:keep-alive|close)$/i.test(value)) return null;
  return new Set(value.split(',').map((token) => token.trim().toLowerCase()));
}

function append(headers: Record<string, string | string[]>, name: string, value: string): void {
  const before = headers[name];
  if (before === undefined) headers[name] = value;
  else if (Array.isArray(before)) before.push(value);
  else headers[name] = [before, value];
}
