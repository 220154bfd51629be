import {
  decodePaymentRequiredHeader,
  decodePaymentResponseHeader,
  encodePaymentSignatureHeader,
} from '@x402/core/http';
import type { PaymentPayload } from '@x402/core/types';
import { isTooDeep } from '../../core/text/json.ts';
import type { Answer } from '../seller/sales.ts';

/** x402's MCP transport (specs/transports-v2/mcp.md): payment, offer and receipt are in the messages, not in HTTP. */
const PAYMENT = 'x402/payment';
const RECEIPT = 'x402/payment-response';

type Fields = Record<string, unknown>;

/** Takes the payment out of a call's `_meta` and returns it as the equivalent header. Null if there is none. */
export function takePayment(params: Fields): string | null {
  const meta = params._meta;
  if (typeof meta !== 'object' || meta === null || !(PAYMENT in meta)) return null;
  const { [PAYMENT]: payment, ...rest } = meta as Fields;
  if (Object.keys(rest).length === 0) delete params._meta;
  else params._meta = rest;
  return encodePaymentSignatureHeader(payment as PaymentPayload);
}

/** Converts an answer for an MCP client: an offer becomes a tool's error, a receipt goes into the result's `_meta`. */
export function asMcpAnswer(id: unknown, answer: Answer): Answer {
  const required = headerOf(answer, 'payment-required');
  const receipt = headerOf(answer, 'payment-response');
  if (answer.status === 402) return offer(id, required, receipt);
  if (receipt === null || answer.status !== 200) return answer;
  const told = decodePaymentResponseHeader(receipt);
  const text = Buffer.from(answer.body).toString('utf8');
  const isStream = String(headerOf(answer, 'content-type')).startsWith('text/event-stream');
  const body = isStream
    ? text.replaceAll(/^data:(.*)$/gm, (line, json: string) => {
        const changed = withReceipt(json, id, told);
        return changed === null ? line : `data: ${changed}`;
      })
    : (withReceipt(text, id, told) ?? text);
  return { ...answer, body: Buffer.from(body) };
}

function offer(id: unknown, required: string | null, receipt: string | null): Answer {
  const settled = receipt === null ? null : decodePaymentResponseHeader(receipt);
  const content =
    required === null
      ? { x402Version: 2, error: settled?.errorReason ?? 'payment_failed', accepts: [] }
      : decodePaymentRequiredHeader(required);
  const result = {
    isError: true,
    structuredContent: content,
    content: [{ type: 'text', text: JSON.stringify(content) }],
    ...(settled === null ? {} : { _meta: { [RECEIPT]: settled } }),
  };
  return {
    status: 200,
    headers: [
      ['content-type', 'application/json'],
      ['cache-control', 'no-store'],
    ],
    body: Buffer.from(JSON.stringify({ jsonrpc: '2.0', id, result })),
  };
}

/** Null if the text is not the answer to that call. */
function withReceipt(json: string, id: unknown, receipt: unknown): string | null {
  let message: unknown;
  try {
    message = JSON.parse(json);
  } catch {
    return null;
  }
  // Serialising it again would overflow the stack; the upstream's answer is returned unchanged.
  if (isTooDeep(message)) return null;
  if (typeof message !== 'object' || message === null || !('result' in message) || !('id' in message)) return null;
  const { result } = message;
  if (message.id !== id || typeof result !== 'object' || result === null) return null;
  const meta = '_meta' in result && typeof result._meta === 'object' ? result._meta : {};
  return JSON.stringify({ ...message, result: { ...result, _meta: { ...meta, [RECEIPT]: receipt } } });
}

function headerOf({ headers }: Answer, wanted: string): string | null {
  return headers.find(([name]) => name.toLowerCase() === wanted)?.[1] ?? null;
}
