import { readFileSync } from 'node:fs';
import { parseDocument } from 'yaml';
import { z } from 'zod';
import { BursarError } from '../../core/errors/base.ts';
import { parsePositiveUsdc } from '../../core/money/microUsdc.ts';
import { decodeUtf8 } from '../../core/text/json.ts';
import { firstTextProblem } from '../../core/text/text.ts';

const Price = z
  .string({ error: 'an amount is text: write "0.01", in quotes' })
  .max(32)
  .refine((text) => isPrice(text), 'not an amount of USDC above zero, such as "0.01"');
const HeaderName = z.string().regex(/^[A-Za-z0-9-]{1,64}$/, 'not a header name');
const Url = z.url({ protocol: /^https?$/ }).max(2048);
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', '*'];

/** `METHOD /path` or `/path`. `:name` and `*` match one segment, `/*` at the end matches the path itself and everything below. */
const Match = z
  .string()
  .max(512)
  .regex(/^(?:[A-Z*]+ )?\/[A-Za-z0-9/_.~:*@!$&'(),+=-]*$/, 'not "METHOD /path"')
  .refine((text) => !text.includes(' ') || METHODS.includes(text.split(' ')[0] ?? ''), 'not a method')
  .refine((text) => !/\/\.{1,2}(\/|$)/.test(text), 'dot segments match nothing')
  .refine((text) => !/\*[^/]|[^/]\*/.test(text.replace(/^\* /, '')), '* stands for a whole segment');

const Route = z
  .strictObject({
    match: Match,
    free: z.literal(true).optional(),
    price: Price.optional(),
    /** For MCP upstreams: the price of each tool. `*`: all others; without it they cost the route's price, or nothing. */
    tools: z.record(z.string().min(1).max(128), z.union([z.literal('free'), Price])).optional(),
    scheme: z.enum(['exact', 'upto']).default('exact'),
    /** With `upto`: the response header in which the upstream reports its price in USDC; `price` is the maximum. */
    charge_header: HeaderName.optional(),
    /** `upfront`: money moves before the upstream runs. For streams, which cannot be held back. */
    flow: z.enum(['authorization', 'upfront']).default('authorization'),
    /** With `tools`: `mcp` offers in the messages (x402's MCP transport), `http` by status 402. Either payment is accepted. */
    wire: z.enum(['http', 'mcp']).default('http'),
    description: z.string().max(500).optional(),
    mime_type: z.string().max(100).optional(),
    max_timeout_seconds: z.int().min(10).max(3_600).default(60),
  })
  .superRefine((route, context) => {
    const issue = (message: string) => context.addIssue({ code: 'custom', message });
    if (route.free && (route.price ?? route.tools)) issue('free and a price at once');
    if (!route.free && !route.price && !route.tools) issue('neither free, price nor tools');
    if ((route.scheme === 'upto') !== (route.charge_header !== undefined)) {
      issue('upto needs charge_header, and only upto');
    }
    if (route.scheme === 'upto' && (route.tools ?? !route.price)) issue('upto needs a price, and no tools');
    if (route.wire === 'mcp' && (!route.tools || route.flow === 'upfront'))
      issue('wire mcp goes with tools, and not with upfront');
    if (route.scheme === 'upto' && route.flow === 'upfront') issue('upto is settled after the upstream has answered');
  });

/** gateway.yaml */
export const Table = z.strictObject({
  upstream: Url.optional(),
  /** An address, or an agent's id or name. */
  pay_to: z.string().max(128).optional(),
  /** The Bursar server that settles. */
  bursar: Url.optional(),
  /** Another facilitator instead; `asset` is then required. */
  facilitator: Url.optional(),
  asset: z
    .strictObject({
      network: z.templateLiteral(['eip155:', z.int().positive()]),
      address: z.string().regex(/^0x[0-9a-fA-F]{40}$/),
      name: z.string().max(64),
      version: z.string().max(16),
    })
    .optional(),
  /** The URL at which buyers reach this gateway. */
  url: Url.optional(),
  /** The price of all routes that are not listed. Without it they are free. */
  price: Price.optional(),
  routes: z.array(Route).max(1_000).default([]),
  /** Accept X-Forwarded-* of requests: only behind your own proxy. */
  trust_forwarded: z.boolean().default(false),
  limits: z
    .strictObject({
      /** The size limit of a priced request, which is held until it is paid. */
      request_bytes: z.int().min(1).max(1_073_741_824).default(1_048_576),
      /** The size limit of a priced answer, which is held until the payment settled. */
      response_bytes: z.int().min(1).max(1_073_741_824).default(8_388_608),
      /** The timeout until the upstream begins to answer, and between two chunks. */
      upstream_timeout_ms: z.int().min(100).max(3_600_000).default(120_000),
      upstream_connections: z.int().min(1).max(65_535).default(256),
    })
    .prefault({}),
});
export type Table = z.infer<typeof Table>;
export type RouteRow = Table['routes'][number];

const FILE_MAX_BYTES = 1024 * 1024;

/** Reads a route table. Throws `invalid_request` with a line per problem. */
export function parseTable(text: string): Table {
  if (Buffer.byteLength(text) > FILE_MAX_BYTES) throw refused(['the file is larger than 1 MiB']);
  const document = parseDocument(text, { merge: false, uniqueKeys: true, strict: true });
  if (document.errors.length > 0) throw refused(document.errors.map((error) => error.message.split('\n')[0] ?? ''));
  if (document.warnings.length > 0) throw refused(document.warnings.map((each) => each.message.split('\n')[0] ?? ''));
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: 0 });
  } catch {
    throw refused(['aliases are not supported']);
  }
  const unfit = firstTextProblem(value, { markup: true });
  if (unfit) throw refused([`${unfit.path.join('.') || 'the table'}: ${unfit.message}`]);
  const parsed = Table.safeParse(value ?? {});
  if (parsed.success) return parsed.data;
  throw refused(parsed.error.issues.map((issue) => `${issue.path.join('.') || 'the table'}: ${issue.message}`));
}

export function readTable(path: string): Table {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (cause) {
    throw new BursarError('invalid_request', { message: `The route table ${path} cannot be read.`, cause });
  }
  try {
    return parseTable(decodeUtf8(bytes));
  } catch (error) {
    throw error instanceof BursarError && error.code === 'invalid_json' ? refused(['the file is not UTF-8']) : error;
  }
}

function refused(problems: string[]): BursarError {
  return new BursarError('invalid_request', { message: 'The route table is not valid.', details: { problems } });
}

function isPrice(text: string): boolean {
  try {
    parsePositiveUsdc(text);
    return true;
  } catch {
    return false;
  }
}
