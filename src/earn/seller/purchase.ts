import {
  FacilitatorResponseError,
  type HTTPRequestContext,
  SETTLEMENT_OVERRIDES_HEADER,
  withPrivateCacheControl,
  type x402HTTPResourceServer,
} from '@x402/core/server';
import type { Answer } from './sales.ts';
import { refusal } from './serveOnce.ts';

/** A payment that was verified (or, upfront, settled); its handler may run. */
export type Purchase = {
  payer: string | null;
  /** Settled before the handler: this header is added to the answer in any case. */
  upfrontHeaders: [string, string][] | null;
  /**
   * Settles, and returns the buyer's answer. A handler that answers 400 or above is not paid. `amount`: the actual one, for upto.
   */
  close(answer: Answer, amount?: bigint): Promise<Answer>;
};
export type Opened = { kind: 'free' } | { kind: 'answer'; answer: Answer } | { kind: 'purchase'; purchase: Purchase };

/** The steps of the official middlewares around a handler, for servers that have none: verify, run it, settle. */
export async function openPurchase(server: x402HTTPResourceServer, context: HTTPRequestContext): Promise<Opened> {
  let result: Awaited<ReturnType<typeof server.processHTTPRequest>>;
  try {
    result = await server.processHTTPRequest(context);
  } catch (error) {
    return { kind: 'answer', answer: facilitatorFailed(error) };
  }
  if (result.type === 'no-payment-required') return { kind: 'free' };
  if (result.type === 'payment-error') return { kind: 'answer', answer: fromInstructions(result.response) };
  const { cancellationDispatcher, beforeHandlerSettlement, paymentPayload, paymentRequirements, declaredExtensions } =
    result;
  const authorization = paymentPayload.payload.authorization as { from?: string } | undefined;
  const payer = beforeHandlerSettlement?.result.payer ?? authorization?.from ?? null;

  async function close(answer: Answer, amount?: bigint): Promise<Answer> {
    const cache = headerOf(answer, 'cache-control');
    if (answer.status >= 400) {
      const cancelled = await cancellationDispatcher.cancel({
        reason: 'handler_failed',
        responseStatus: answer.status,
      });
      const headers = server.createFailurePathSettlementHeaders(
        cancelled,
        beforeHandlerSettlement,
        paymentPayload,
        cache,
      );
      return headers ? withHeaders(answer, headers) : answer;
    }
    try {
      const settled = await server.processSettlement(
        paymentPayload,
        paymentRequirements,
        declaredExtensions,
        { request: context, responseBody: Buffer.from(answer.body), responseHeaders: {} },
        amount === undefined ? undefined : { amount: amount.toString() },
        beforeHandlerSettlement,
      );
      if (!settled.success) return fromInstructions(settled.response);
      return withHeaders(answer, { ...settled.headers, 'Cache-Control': withPrivateCacheControl(cache) });
    } catch (error) {
      return facilitatorFailed(error);
    }
  }
  const upfront = beforeHandlerSettlement
    ? server.createCompletedSettlementHeaders(beforeHandlerSettlement, null)
    : null;
  return { kind: 'purchase', purchase: { payer, upfrontHeaders: upfront && Object.entries(upfront), close } };
}

function facilitatorFailed(error: unknown): Answer {
  if (error instanceof FacilitatorResponseError) {
    return refusal(502, 'facilitator_failed', 'The facilitator gave an answer that makes no sense.');
  }
  return refusal(502, 'facilitator_failed', 'The facilitator does not answer. Send the same payment again.');
}

function fromInstructions(response: { status: number; headers: Record<string, string>; body?: unknown }): Answer {
  const { status, headers, body } = response;
  const text = typeof body === 'string' ? body : JSON.stringify(body ?? {});
  return { status, headers: Object.entries(headers), body: Buffer.from(text) };
}

function headerOf({ headers }: Answer, wanted: string): string | null {
  return headers.find(([name]) => name.toLowerCase() === wanted)?.[1] ?? null;
}

function withHeaders(answer: Answer, added: Record<string, string>): Answer {
  const replaced = new Set([...Object.keys(added).map((name) => name.toLowerCase()), OVERRIDES]);
  const kept = answer.headers.filter(([name]) => !replaced.has(name.toLowerCase()));
  return { ...answer, headers: [...kept, ...Object.entries(added)] };
}

const OVERRIDES = SETTLEMENT_OVERRIDES_HEADER.toLowerCase();
