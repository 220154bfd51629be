import { setTimeout as sleep } from 'node:timers/promises';
import { FacilitatorResponseError, HTTPFacilitatorClient } from '@x402/core/server';
import type { PaymentPayload, PaymentRequirements, SettleResponse, SupportedResponse } from '@x402/core/types';
import { getAddress, type Hex, isAddress } from 'viem';
import type { Chain } from '../../chain/node/chain.ts';
import { log } from '../../core/log/log.ts';
import type { Settles } from './facilitator.ts';
import { type Proof, prove } from './proof.ts';
import { type Refusal, readTerms, type Served, type Terms } from './terms.ts';

export type FailoverOptions = {
  remote: Settles;
  inside: Settles;
  chain: Chain;
  served: Served;
  /** Called with a valid payment before the remote facilitator may send it. */
  announce?: (terms: Terms, payload: PaymentPayload) => Promise<void>;
  /** Records that this caller gets the answer that the transfer settled. False: another caller got it before. */
  claimDelivery?: (terms: Terms, txHash: Hex) => Promise<boolean>;
  /** How long the chain is watched for what the remote may have sent. Default 10,000. */
  watchMs?: number;
  pollMs?: number;
};

/** A client of a remote facilitator. */
export function remoteFacilitator(url: string, timeoutMs = 30_000): Settles {
  return new HTTPFacilitatorClient({ url, timeoutMs });
}

/**
 * Uses the remote facilitator, and the built-in one when the remote cannot be reached. If it is unclear whether the remote sent a
 * transaction, the chain is read before anything is settled here; the nonce makes a second transfer impossible in any case.
 */
export function withFailover(options: FailoverOptions): Settles {
  const { remote, inside, chain, served } = options;

  async function settle(payload: PaymentPayload, requirements: PaymentRequirements): Promise<SettleResponse> {
    const terms = await readTerms(payload, requirements, served);
    if ('reason' in terms)
      return ((await isTheirs(terms, requirements)) ? remote : inside).settle(payload, requirements);
    if (options.announce && (await inside.verify(payload, requirements)).isValid) {
      await options.announce(terms, payload);
    }
    let answer: SettleResponse;
    try {
      answer = await remote.settle(payload, requirements);
    } catch (error) {
      log.warn({ reason: reasonOf(error) }, 'the remote facilitator failed to settle');
      if (neverArrived(error)) return inside.settle(payload, requirements);
      return (await shownOnce(terms)) ?? inside.settle(payload, requirements);
    }
    if (!answer.success && answer.transaction === '') return usedOnce(answer, terms);
    // The remote says that it settled, or that it broadcast a transaction with an unknown result: read the chain.
    const shown = await shownOnce(terms);
    if (shown || !answer.success) return shown ?? answer;
    log.warn({ transaction: answer.transaction }, 'the remote facilitator says that it settled; the chain does not');
    return { ...answer, success: false, errorReason: 'settlement_pending' };
  }

  /** True for a scheme that only the remote facilitator settles, to a receiver that this one serves. */
  async function isTheirs({ reason }: Refusal, { network, payTo }: PaymentRequirements): Promise<boolean> {
    if (reason !== 'unsupported_scheme' && reason !== 'unsupported_asset_transfer_method') return false;
    return (
      network === served.network && isAddress(payTo, { strict: false }) && (await served.mayReceive(getAddress(payTo)))
    );
  }

  /** Gives a settlement to one caller only, regardless of who submitted the authorization. */
  async function shownOnce(terms: Terms): Promise<SettleResponse | null> {
    const shown = await seen(terms);
    if (!shown?.success || !options.claimDelivery || (await options.claimDelivery(terms, shown.transaction as Hex)))
      return shown;
    return { ...shown, success: false, transaction: '', errorReason: 'duplicate_settlement' };
  }

  /** When the remote refuses a used nonce, only one seller may get the settlement that used it. */
  async function usedOnce(answer: SettleResponse, terms: Terms): Promise<SettleResponse> {
    if (answer.errorReason !== 'invalid_exact_evm_nonce_already_used') return answer;
    const shown = await shownOnce(terms);
    return shown?.errorReason === 'duplicate_settlement' ? shown : answer;
  }

  /** The settlement from the chain, as soon as it is there. */
  async function seen(terms: Terms): Promise<SettleResponse | null> {
    const until = performance.now() + (options.watchMs ?? 10_000);
    for (;;) {
      const proof = await prove(chain, terms.payer, terms.nonce);
      if (proof.state !== 'unused') return asAnswer(proof, terms);
      if (performance.now() > until) return null;
      await sleep(options.pollMs ?? 250);
    }
  }

  function asAnswer(proof: Exclude<Proof, { state: 'unused' }>, terms: Terms): SettleResponse {
    const base = { payer: terms.payer, network: `eip155:${chain.chainId}` as const };
    if (proof.state === 'settled' && proof.payTo === terms.payTo && proof.value === terms.value) {
      return { ...base, success: true, transaction: proof.txHash };
    }
    return { ...base, success: false, transaction: '', errorReason: 'invalid_exact_evm_nonce_already_used' };
  }

  return {
    settle,
    verify: async (payload, requirements) => {
      const terms = await readTerms(payload, requirements, served);
      if ('reason' in terms)
        return ((await isTheirs(terms, requirements)) ? remote : inside).verify(payload, requirements);
      try {
        const answer = await remote.verify(payload, requirements);
        // Some facilitators do not check whether the nonce is used, and a used one must not buy again.
        if (!answer.isValid || (await prove(chain, terms.payer, terms.nonce)).state === 'unused') return answer;
        return { isValid: false, invalidReason: 'invalid_exact_evm_nonce_already_used', payer: terms.payer };
      } catch (error) {
        log.warn({ reason: reasonOf(error) }, 'the remote facilitator failed to verify');
        return inside.verify(payload, requirements);
      }
    },
    getSupported: async () => {
      const ours = await inside.getSupported();
      const theirs = await remote.getSupported().catch(() => null);
      return theirs === null ? ours : merged(ours, theirs);
    },
  };
}

const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Nothing was sent, because no connection was made. Any other failure leaves it open. */
function neverArrived(error: unknown): boolean {
  if (error instanceof FacilitatorResponseError) return false;
  const codes = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH']);
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
    if ('code' in cause && typeof cause.code === 'string' && codes.has(cause.code)) return true;
  }
  return false;
}

function merged(ours: SupportedResponse, theirs: SupportedResponse): SupportedResponse {
  const name = (kind: SupportedResponse['kinds'][number]) => `${kind.x402Version} ${kind.network} ${kind.scheme}`;
  const known = new Set(ours.kinds.map(name));
  const networks = new Set(ours.kinds.map((kind) => kind.network));
  const more = theirs.kinds.filter((kind) => networks.has(kind.network) && !known.has(name(kind)));
  return {
    kinds: [...ours.kinds, ...more],
    extensions: [...new Set([...ours.extensions, ...theirs.extensions])],
    signers: { ...theirs.signers, ...ours.signers },
  };
}
