import { setTimeout as sleep } from 'node:timers/promises';
import type { Address } from 'viem';
import { type ApprovedTransfer, approvedTransferFromReservation } from '../../chain/contracts/approvedTransfer.ts';
import {
  type SignedAuthorization,
  type SigningTerms,
  signPurseAuthorization,
  signPurseAuthorizationNow,
} from '../../chain/contracts/purse.ts';
import type { TokenDomain } from '../../chain/contracts/tokenDomain.ts';
import { executorOf } from '../../chain/contracts/walletConfig.ts';
import type { KeyProvider, KeyRole } from '../../chain/keys/keys.ts';
import type { Chain } from '../../chain/node/chain.ts';
import { BursarError, invariant } from '../../core/errors/base.ts';
import { getAgent } from '../../decide/identity/agents.ts';
import { getSponsor } from '../../decide/identity/sponsors.ts';
import { getWorkflow } from '../../decide/identity/workflows.ts';
import { refuseWhileStopped } from '../../decide/payments/chainStops.ts';
import { bookedEpoch } from '../../decide/payments/nonces.ts';
import type { Payment } from '../../decide/payments/payment.ts';
import { findPayment, type PaymentRow, toPayment } from '../../decide/payments/records.ts';
import { appendPaymentEvent, transition } from '../../decide/payments/transition.ts';
import type { ReadTx, Store, Tx } from '../../store/store.ts';
import { timeIn } from '../../store/time.ts';
import { echoExtensions } from './extensions.ts';
import type { Requirement } from './paymentRequired.ts';
import { authorizationOf, newAuthorization, paymentById } from './queries.ts';

export type SignerOptions = {
  store: Store;
  chain: Chain;
  keys: KeyProvider;
  /** The keys that wallets take payments from, with their roles. Default: that of the role `executor` alone. */
  executors?: ReadonlyMap<Address, KeyRole>;
  clock: () => number;
  domain: () => Promise<TokenDomain>;
  /** Seconds, from the active policy. */
  maxValiditySeconds: () => number;
};
export type StoredSignature = { header: string; validBeforeMs: number };
export type SignedPayment = { payment: Payment; signature: StoredSignature };
export interface PurchaseSigner {
  /** See `X402Signer` in api/operations. */
  signature(paymentId: string, waitMs: number): Promise<StoredSignature | null>;
  /** Signs inside the decision's transaction if the key can sign without waiting; else null, and `signature` signs later. */
  signNow(tx: Tx, paymentId: string): Promise<SignedPayment | null>;
  domain(): Promise<TokenDomain>;
}

const POLL_MS = 50;
/** Facilitators require some seconds left when they verify. */
const MIN_VALIDITY_SECONDS = 10;

type Draft = { payment: Payment; stored: Stored; transfer: ApprovedTransfer; terms: SigningTerms };
type Stored = { requirement: Requirement; resource: unknown; extensions: unknown };

/**
 * Signs authorized purchases from the agent's purse. The payload is stored before it is sent, and every later call gets the stored
 * one: a retry presents the same authorization, which the token accepts once.
 */
export function createPurchaseSigner(options: SignerOptions): PurchaseSigner {
  const { store, chain, keys, executors, clock } = options;

  let domain: TokenDomain | null = null;
  const readDomain = async (): Promise<TokenDomain> => {
    domain = await options.domain();
    return domain;
  };

  const roleFor = (configJson: string): KeyRole =>
    executors?.get(executorOf(configJson, [...executors.keys()])) ?? 'executor';

  /** The data to sign for the purchase: its terms, and the offer to echo. */
  async function draft(tx: ReadTx, payment: Payment, row: PaymentRow, tokenDomain: TokenDomain): Promise<Draft> {
    const { wallet } = await getAgent(tx, payment.agentId);
    invariant(wallet, 'A purchase is authorized for an agent without a wallet.');
    const stored = JSON.parse(row.request_json) as Stored;
    const nowS = Math.floor((await timeIn(tx, clock())) / 1000);
    const epoch = await bookedEpoch(tx, payment.agentId, chain.chainId);
    const asked = Math.max(stored.requirement.maxTimeoutSeconds, MIN_VALIDITY_SECONDS);
    const validBeforeS = nowS + Math.min(asked, options.maxValiditySeconds());
    return {
      payment,
      stored,
      transfer: approvedTransferFromReservation(payment, { wallet: wallet.address, purse: wallet.purse }),
      terms: { keys, role: roleFor(wallet.configJson), chain, domain: tokenDomain, nowS, validBeforeS, epoch },
    };
  }

  /** With two signers at once, the first one's payload is stored, and both return it. */
  async function sign(payment: Payment, row: PaymentRow): Promise<StoredSignature> {
    const tokenDomain = await readDomain();
    const drafted = await store.read((tx) => draft(tx, payment, row, tokenDomain));
    const signed = await signPurseAuthorization(drafted.transfer, drafted.terms);
    return store.write(
      async (tx) => (await storedSignature(tx, payment.id)) ?? (await keep(tx, drafted, signed)).signature,
    );
  }

  async function keep(tx: Tx, { payment, stored, terms }: Draft, signed: SignedAuthorization): Promise<SignedPayment> {
    const now = await findPayment(tx, payment.id);
    if (now?.state !== 'authorized' || now.heldMicro !== now.amount) {
      throw new BursarError('invalid_transition', { details: { state: now?.state } });
    }
    await refuseInactive(tx, now);
    await refuseWhileStopped(tx, now.chainId);
    const { authorization } = signed;
    const header = headerOf(payment, stored, signed);
    await tx.run(newAuthorization, {
      payment: payment.id,
      chain: payment.chainId,
      purse: authorization.from,
      nonce: authorization.nonce,
      payTo: authorization.to,
      value: BigInt(authorization.value),
      validAfter: BigInt(authorization.validAfter),
      validBefore: BigInt(authorization.validBefore),
      payload: header,
      resource: JSON.stringify(stored.resource),
      epoch: terms.epoch,
    });
    const atMs = await timeIn(tx, clock());
    const data = { nonce: authorization.nonce, valid_before: authorization.validBefore, epoch: terms.epoch };
    await appendPaymentEvent(tx, now, 'payment.signed', { actor: 'bursar', atMs, data });
    const submitted = await transition(tx, now, 'submit', { actor: 'bursar', atMs, data: { rail: 'x402' } });
    return { payment: submitted, signature: { header, validBeforeMs: Number(authorization.validBefore) * 1000 } };
  }

  async function isReady(tx: ReadTx, payment: Payment): Promise<boolean> {
    return payment.state === 'authorized' && payment.heldMicro === payment.amount && (await isDeployed(tx, payment));
  }

  return {
    domain: readDomain,
    async signNow(tx, paymentId) {
      const row = await tx.get(paymentById, { id: paymentId });
      const payment = row && toPayment(row);
      if (!domain || !payment || (await storedSignature(tx, paymentId)) || !(await isReady(tx, payment))) return null;
      const drafted = await draft(tx, payment, row, domain);
      const signed = signPurseAuthorizationNow(drafted.transfer, drafted.terms);
      return signed && (await keep(tx, drafted, signed));
    },
    async signature(paymentId, waitMs) {
      // Real time, not the injected clock: this limits how long a caller waits.
      const until = performance.now() + waitMs;
      for (;;) {
        const { stored, row } = await store.read(async (tx) => ({
          stored: await storedSignature(tx, paymentId),
          row: await tx.get(paymentById, { id: paymentId }),
        }));
        if (stored) return stored;
        if (!row) throw new BursarError('payment_not_found');
        const payment = toPayment(row);
        if (payment.state !== 'authorized') return null;
        if (await store.read((tx) => isReady(tx, payment))) return sign(payment, row);
        if (performance.now() >= until) return null;
        await sleep(POLL_MS);
      }
    },
  };
}

async function storedSignature(tx: Pick<Tx, 'get'>, paymentId: string): Promise<StoredSignature | null> {
  const row = await tx.get(authorizationOf, { payment: paymentId });
  return row?.payload_json ? { header: row.payload_json, validBeforeMs: Number(row.valid_before_s) * 1000 } : null;
}

/** An agent that was frozen after the decision gets no signature. Throws `agent_not_active`. */
async function refuseInactive(tx: Tx, payment: Payment): Promise<void> {
  const answerable = [
    await getAgent(tx, payment.agentId),
    await getSponsor(tx, payment.sponsorId),
    ...(payment.workflowId === null ? [] : [await getWorkflow(tx, payment.workflowId)]),
  ];
  const inactive = answerable.find(({ status }) => status !== 'active');
  if (inactive) {
    throw new BursarError('agent_not_active', { message: `${inactive.name} is ${inactive.status}.` });
  }
}

/** A purse without code cannot answer ERC-1271. */
async function isDeployed(tx: ReadTx, payment: Payment): Promise<boolean> {
  return (await getAgent(tx, payment.agentId)).wallet?.deployedAtMs != null;
}

/** The PAYMENT-SIGNATURE header: base64 of the payload, with the whole chosen requirement. */
function headerOf(
  payment: Payment,
  { requirement, resource, extensions }: Stored,
  signed: SignedAuthorization,
): string {
  const echoed = echoExtensions(extensions, payment.id);
  const payload = { x402Version: 2, resource, accepted: requirement, payload: signed };
  return Buffer.from(JSON.stringify(echoed ? { ...payload, extensions: echoed } : payload)).toString('base64');
}
