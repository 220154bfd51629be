import { BursarError } from '../../core/errors/base.ts';
import { type MicroUsdc, microUsdc } from '../../core/money/microUsdc.ts';
import { decodeUtf8, readJson } from '../../core/text/json.ts';
import { takePayment } from './mcpWire.ts';
import type { PricedRoute } from './routes.ts';

/** The price of a JSON-RPC body, and the body to send: serialised again, so that the upstream reads exactly what was priced. */
export type ToolCall = {
  amount: MicroUsdc;
  names: string[];
  body: Buffer;
  /** The JSON-RPC id of a single call. */
  id: unknown;
  /** A payment from the call's `_meta`, as a PAYMENT-SIGNATURE header. It is not passed on. */
  payment: string | null;
};
export type ToolRefusal = { refused: string };

const CALLS_MAX = 100;
/** Some JSON parsers ignore case and would read a `Method` beside `method`. */
const FIELDS = ['jsonrpc', 'method', 'params', 'id', 'name', 'arguments', '_meta'];

/** Prices a request to an MCP server (JSON-RPC 2.0, one message or a batch) by the tools it calls. */
export function priceTools(route: PricedRoute, text: Buffer): ToolCall | ToolRefusal {
  let parsed: unknown;
  try {
    const json = decodeUtf8(text);
    parsed = readJson(json);
    if (!isExact(json)) return { refused: 'A number has more digits than JSON readers keep; send it as text.' };
  } catch (error) {
    return { refused: error instanceof BursarError ? error.message : 'The body is not JSON in UTF-8.' };
  }
  const messages = Array.isArray(parsed) ? parsed : [parsed];
  if (messages.length === 0 || messages.length > CALLS_MAX) return { refused: 'Send 1 to 100 messages.' };
  let amount = 0n;
  const names: string[] = [];
  let payment: string | null = null;
  for (const message of messages) {
    if (!isRecord(message)) return { refused: 'A message is no object.' };
    if (hasLookalike(message)) return { refused: 'A field is spelt in another case.' };
    // A client's answers to the server have no method.
    if (message.method === undefined) continue;
    if (typeof message.method !== 'string') return { refused: 'A method is no text.' };
    if (message.method.trim().toLowerCase() !== 'tools/call') continue;
    if (message.method !== 'tools/call') return { refused: 'The method is tools/call.' };
    const { params } = message;
    if (!isRecord(params) || typeof params.name !== 'string') return { refused: 'A tool call names its tool.' };
    if (hasLookalike(params)) return { refused: 'A field is spelt in another case.' };
    names.push(params.name);
    const paid = takePayment(params);
    if (paid !== null && messages.length > 1) return { refused: 'A batch is paid by the PAYMENT-SIGNATURE header.' };
    payment = paid;
    amount += priceOf(route, params.name) ?? 0n;
  }
  const id = isRecord(parsed) ? parsed.id : undefined;
  return { amount: microUsdc(amount), names, body: Buffer.from(JSON.stringify(parsed)), id, payment };
}

function priceOf({ tools, price }: PricedRoute, name: string): bigint | null {
  const own = tools?.get(name);
  if (own !== undefined) return own;
  const others = tools?.get('*');
  return others !== undefined ? others : price;
}

/** The body is serialised again, so numbers must not change. */
function isExact(json: string): boolean {
  for (const [token] of json.matchAll(/"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*/g)) {
    if (token.startsWith('"')) continue;
    if (token.replace(/[eE].*$/, '').replaceAll(/[-.]|^-?0+/g, '').length > 15) return false;
  }
  return true;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function hasLookalike(record: Record<string, unknown>): boolean {
  return Object.keys(record).some((key) => !FIELDS.includes(key) && FIELDS.includes(key.toLowerCase().trim()));
}
