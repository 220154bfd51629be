import { x402Facilitator } from '@x402/core/facilitator';
import type {
  PaymentPayload,
  PaymentRequirements,
  SettleResponse,
  SupportedResponse,
  VerifyResponse,
} from '@x402/core/types';
import { ExactEvmScheme } from '@x402/evm/exact/facilitator';
import { type Hex, isErc6492Signature } from 'viem';
import type { ReadTx } from '../../store/store.ts';
import { announce } from './announce.ts';
import { prove } from './proof.ts';
import { ownerOfPurse } from './queries.ts';
import { purposesOf, type QueueSigner, type QueueSignerOptions, queueSigner } from './queueSigner.ts';
import {
  type Claim,
  claim,
  conclude,
  deliverOnce,
  deployGas,
  dropClaims,
  gasOf,
  pendingStore,
  type SettlementKey,
  settlementOf,
} from './settlements.ts';
import { readTerms, type Served, type Terms } from './terms.ts';

/** The calls of an x402 seller to a facilitator, with the types of the official client. */
export type Settles = {
  verify(payload: PaymentPayload, requirements: PaymentRequirements): Promise<VerifyResponse>;
  settle(payload: PaymentPayload, requirements: PaymentRequirements): Promise<SettleResponse>;
  getSupported(): Promise<SupportedResponse>;
};
export interface Facilitator extends Settles {
  readonly served: Served;
  /** Records that this caller gets the answer that the transfer settled. False: another caller got it before. */
  claimDelivery(terms: Terms, txHash: Hex): Promise<boolean>;
  /** Releases the claims that a crash left. Call once, before the first request. */
  recover(): Promise<void>;
}

export type FacilitatorOptions = Omit<QueueSignerOptions, 'signWithinMs' | 'minedWithinMs' | 'pollMs'> & {
  /** Tells whether the address may receive settlements. Reads the current wallets. */
  mayReceive: (tx: ReadTx, payTo: string) => Promise<boolean>;
  /** The gas that settlements of one payer may cost in 24 hours. */
  gasPerPayerPerDay: bigint;
  /** Micro-USDC below which nothing is settled. Default 0. */
  minMicro?: bigint;
  signWithinMs?: number;
  minedWithinMs?: number;
  pollMs?: number;
};

const DAY_MS = 86_400_000;

/**
 * Runs the official facilitator code over the relayer's sender queue. A payload is sent at most once: its row in the database names its
 * transaction, and the chain refuses a used nonce. Only one caller gets the answer "settled", so one payment is served once.
 */
export function createFacilitator(options: FacilitatorOptions): Facilitator {
  const { store, chain, clock } = options;
  const network = `eip155:${chain.chainId}` as const;
  const settings = {
    ...options,
    signWithinMs: options.signWithinMs ?? 20_000,
    minedWithinMs: options.minedWithinMs ?? 30_000,
    pollMs: options.pollMs ?? 100,
  };
  const claimMs = settings.signWithinMs + 2 * settings.minedWithinMs;
  const served: Served = {
    network,
    token: chain.token,
    mayReceive: (payTo) => store.read((tx) => options.mayReceive(tx, payTo)),
    minMicro: options.minMicro ?? 0n,
  };

  function official(signer: QueueSigner, key: SettlementKey | null): x402Facilitator {
    const scheme = new ExactEvmScheme(signer, {
      eip6492AllowedFactories: [options.factory],
      ...(key === null ? {} : { pendingSettlementStore: pendingStore(store, key) }),
    });
    return new x402Facilitator().register(network, scheme);
  }

  async function verify(payload: PaymentPayload, requirements: PaymentRequirements): Promise<VerifyResponse> {
    const terms = await readTerms(payload, requirements, served);
    if ('reason' in terms) {
      const { reason, message, payer } = terms;
      return { isValid: false, invalidReason: reason, invalidMessage: message, ...(payer ? { payer } : {}) };
    }
    if (await isOverGas(terms, payload)) {
      return { isValid: false, invalidReason: 'payer_gas_cap_reached', payer: terms.payer };
    }
    const signer = queueSigner(settings, null);
    const answer = await official(signer, null).verify(payload, requirements);
    const trouble = signer.trouble();
    if (!answer.isValid && trouble !== null) throw trouble;
    return answer;
  }

  async function settle(payload: PaymentPayload, requirements: PaymentRequirements): Promise<SettleResponse> {
    const terms = await readTerms(payload, requirements, served);
    if ('reason' in terms) return failed(terms.reason, terms.payer, terms.message);
    const { payer, nonce } = terms;
    const key = { chainId: chain.chainId, payer, nonce };
    // Checked before the claim, so that nobody can block a payment by sending its nonce with a bad signature.
    const known = await store.read((tx) => settlementOf(tx, key));
    if (known === undefined) {
      const verified = await verify(payload, requirements);
      if (!verified.isValid) {
        const elsewhere = await settledElsewhere(terms);
        if (elsewhere && !(await claimDelivery(terms, elsewhere))) return twice(payer);
        return failed(verified.invalidReason ?? 'invalid_payload', payer, verified.invalidMessage);
      }
    }
    const nowMs = clock();
    const claimed = await store.write(async (tx) => {
      await announce(tx, { chainId: chain.chainId, terms, payload }, nowMs);
      return claim(tx, key, terms, { nowMs, untilMs: nowMs + claimMs });
    });
    if (claimed === 'busy') return failed('duplicate_settlement', payer, 'This payment is being settled.');
    if (claimed === 'delivered') return twice(payer);
    return settleClaimed({ payload, requirements, terms }, key, claimed);
  }

  async function settleClaimed(
    { payload, requirements, terms }: { payload: PaymentPayload; requirements: PaymentRequirements; terms: Terms },
    key: SettlementKey,
    claimed: Extract<Claim, 'fresh' | 'resumed'>,
  ): Promise<SettleResponse> {
    const signer = queueSigner(settings, key);
    let answer: SettleResponse;
    try {
      if (claimed === 'fresh' && (await isOverGas(terms, payload)))
        answer = failed('payer_gas_cap_reached', terms.payer);
      else answer = await official(signer, key).settle(payload, requirements);
    } catch (error) {
      answer = failed('settlement_failed', terms.payer, error instanceof Error ? error.message : String(error));
    }
    if (answer.transaction.startsWith('0x')) {
      answer = { ...answer, transaction: signer.minedHash(answer.transaction as Hex) };
    }
    const isPending = !answer.success && answer.errorReason === 'settlement_pending';
    const elsewhere = answer.success || isPending ? null : await settledElsewhere(terms);
    await store.write((tx) =>
      conclude(
        tx,
        key,
        {
          state: answer.success || elsewhere ? 'settled' : isPending ? 'pending' : 'failed',
          txHash: answer.success ? (answer.transaction as Hex) : elsewhere,
          reason: answer.errorReason ?? null,
          delivered: answer.success || elsewhere !== null,
        },
        clock(),
      ),
    );
    const trouble = signer.trouble();
    if (!answer.success && !isPending && trouble !== null) throw trouble;
    return answer.success || isPending ? answer : explained(answer, terms);
  }

  /**
   * Finds the transaction when another sender, such as the payer, submitted the authorization. The payment is still served once:
   * the first seller gets the answer "settled", others get `duplicate_settlement`.
   */
  async function settledElsewhere({ payer, nonce, payTo, value }: Terms): Promise<Hex | null> {
    const proof = await prove(chain, payer, nonce).catch(() => null);
    return proof?.state === 'settled' && proof.payTo === payTo && proof.value === value ? proof.txHash : null;
  }

  function claimDelivery(terms: Terms, txHash: Hex): Promise<boolean> {
    const key = { chainId: chain.chainId, payer: terms.payer, nonce: terms.nonce };
    return store.write((tx) => deliverOnce(tx, key, { ...terms, txHash }, clock()));
  }

  /** Sellers do not check the chain for this reason: one of them has already got this payment. */
  function twice(payer: string): SettleResponse {
    return failed('duplicate_settlement', payer, 'This payment was settled, and one seller has heard of it.');
  }

  /** The nonce is used, so the answer says so. */
  async function explained(answer: SettleResponse, { payer, nonce }: Terms): Promise<SettleResponse> {
    const proof = await prove(chain, payer, nonce).catch(() => ({ state: 'unused' }) as const);
    if (proof.state === 'unused') return answer;
    return { ...answer, errorReason: 'invalid_exact_evm_nonce_already_used' };
  }

  /**
   * The payer's own gas; and, since every new wallet is a new payer, the sum for deployments, except for wallets of this Bursar.
   */
  async function isOverGas({ payer }: Terms, { payload }: PaymentPayload): Promise<boolean> {
    const sinceMs = clock() - DAY_MS;
    return store.read(async (tx) => {
      if ((await gasOf(tx, purposesOf(payer), sinceMs)) >= options.gasPerPayerPerDay) return true;
      const { signature } = payload;
      if (typeof signature !== 'string' || !isErc6492Signature(signature as Hex)) return false;
      const own = await tx.get(ownerOfPurse, { chain: chain.chainId, purse: payer });
      return own === undefined && (await deployGas(tx, sinceMs)) >= options.gasPerPayerPerDay;
    });
  }

  function failed(errorReason: string, payer: string | null, message?: string): SettleResponse {
    return {
      success: false,
      errorReason,
      ...(message === undefined ? {} : { errorMessage: message }),
      ...(payer === null ? {} : { payer }),
      transaction: '',
      network,
    };
  }

  return {
    served,
    claimDelivery,
    verify,
    settle,
    getSupported: async () => official(queueSigner(settings, null), null).getSupported() as SupportedResponse,
    recover: () => store.write(dropClaims),
  };
}
