import { setTimeout as sleep } from 'node:timers/promises';
import { type FacilitatorClient, FacilitatorResponseError, HTTPFacilitatorClient } from '@x402/core/server';
import {
  type Network,
  type PaymentPayload,
  type PaymentRequirements,
  type SettleResponse,
  VerifyError,
} from '@x402/core/types';
import { BursarError } from '../../core/errors/base.ts';
import type { PaidWith } from './sales.ts';

/** USDC where the facilitator settles. */
export type Asset = { network: Network; address: string; name: string; version: string };

export type Evidence =
  | { state: 'unused' | 'cancelled' | 'spent' | 'unknown' }
  | { state: 'settled'; transaction: string; pay_to: string; amount: string };

type Asked = Pick<PaymentRequirements, 'network' | 'amount' | 'payTo'>;

export type SellerDesk = FacilitatorClient & {
  assets(): Promise<Asset[]>;
  /** The state of a payment on chain; `unknown` if it cannot be read. */
  evidence(payload: PaidWith): Promise<Evidence>;
  /** The settlement on chain, if it pays exactly the requested amount. */
  settled(payload: PaidWith, requirements: Asked): Promise<SettleResponse | null>;
};

export type DeskOptions = {
  /** The facilitator's URL: `https://bursar.example/x402`, or another one. */
  url: string;
  /** For facilitators that do not report their assets, as Bursar's do. */
  asset?: Asset | undefined;
  /** How long a settlement with an unknown result is followed, ms. Default 60,000. */
  followMs?: number | undefined;
  pollMs?: number | undefined;
};

const TIMEOUT_MS = 90_000;

/**
 * The official HTTP client of a facilitator, except that a lost or pending answer is not a failure: it follows the payment on chain
 * (X402.md's cases: timeout with money moved, settlement_pending, submitted by a third party).
 */
export function sellerDesk(options: DeskOptions): SellerDesk {
  const url = options.url.replace(/\/+$/, '');
  const official = new HTTPFacilitatorClient({ url, timeoutMs: TIMEOUT_MS });

  async function getJson(path: string): Promise<unknown> {
    const response = await fetch(`${url}${path}`, { signal: AbortSignal.timeout(10_000) });
    return response.ok ? response.json() : null;
  }

  async function evidence({ accepted, payload }: PaidWith): Promise<Evidence> {
    const { authorization } = payload;
    if (typeof authorization !== 'object' || authorization === null) return { state: 'unknown' };
    const { from, nonce } = authorization as { from?: string; nonce?: string };
    const path = [accepted.network, String(from), String(nonce)].map(encodeURIComponent).join('/');
    const found = await getJson(`/settlements/${path}`).catch(() => null);
    return typeof found === 'object' && found !== null && 'state' in found ? (found as Evidence) : { state: 'unknown' };
  }

  async function settled(payload: PaidWith, requirements: Asked): Promise<SettleResponse | null> {
    const found = await evidence(payload);
    if (found.state !== 'settled' || found.amount !== requirements.amount) return null;
    if (found.pay_to.toLowerCase() !== requirements.payTo.toLowerCase()) return null;
    const { from } = payload.payload.authorization as { from: string };
    return { success: true, transaction: found.transaction, network: requirements.network, payer: from };
  }

  async function follow(payload: PaymentPayload, requirements: PaymentRequirements): Promise<SettleResponse | null> {
    const until = performance.now() + (options.followMs ?? 60_000);
    for (;;) {
      const found = await settled(payload, requirements);
      if (found || performance.now() > until) return found;
      await sleep(options.pollMs ?? 250);
    }
  }

  return {
    verify: (payload, requirements) =>
      official.verify(payload, requirements).catch((error: unknown) => {
        if (error instanceof VerifyError) throw error;
        throw unanswered('verify', error);
      }),
    getSupported: () => official.getSupported(),
    evidence,
    settled,
    settle: async (payload, requirements) => {
      // Settled before the handler runs; nothing has verified that the nonce is unused, and a used one must not buy again.
      const upfront = requirements.extra?.paymentFlow === 'upfront';
      if (upfront && (await evidence(payload)).state === 'settled') return usedUp(requirements);
      let answer: SettleResponse;
      try {
        answer = await official.settle(payload, requirements);
      } catch (error) {
        const found = await follow(payload, requirements);
        if (found) return found;
        throw unanswered('settle', error);
      }
      if (answer.success) return answer;
      const { errorReason } = answer;
      if (errorReason === 'settlement_pending') return (await follow(payload, requirements)) ?? answer;
      // A third party may have submitted it; the money is ours nevertheless.
      const isUsed = errorReason === 'invalid_exact_evm_nonce_already_used';
      return isUsed && !upfront ? ((await settled(payload, requirements)) ?? answer) : answer;
    },
    assets: async () => {
      if (options.asset) return [options.asset];
      const supported = await getJson('/supported').catch(() => null);
      const assets = (supported as { assets?: Asset[] } | null)?.assets;
      if (Array.isArray(assets) && assets.length > 0) return assets;
      throw new BursarError('not_configured', {
        message: `The facilitator at ${new URL(url).host} does not answer, or does not say which USDC it settles; name the asset.`,
      });
    },
  };
}

/** The official middlewares answer 502 to this error; any other error of a facilitator becomes a 402. */
function unanswered(step: string, cause: unknown): FacilitatorResponseError {
  const error = new FacilitatorResponseError(`The facilitator gave no usable answer to ${step}.`);
  error.cause = cause;
  return error;
}

function usedUp({ network }: PaymentRequirements): SettleResponse {
  return { success: false, transaction: '', network, errorReason: 'invalid_exact_evm_nonce_already_used' };
}
