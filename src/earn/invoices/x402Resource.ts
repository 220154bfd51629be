import {
  decodePaymentSignatureHeader,
  encodePaymentRequiredHeader,
  encodePaymentResponseHeader,
} from '@x402/core/http';
import { x402ResourceServer } from '@x402/core/server';
import type { PaymentPayload, PaymentRequired, PaymentRequirements, SettleResponse } from '@x402/core/types';
import { ExactEvmScheme } from '@x402/evm/exact/server';
import { dueOf, getInvoice, type Invoice, invoiceState } from '../../books/receivables/invoices.ts';
import { expectSale, findExpectedSale } from '../../books/receivables/sales.ts';
import { isTooDeep } from '../../core/text/json.ts';
import type { ChainFacts } from '../../decide/payments/request.ts';
import type { ReadTx, Store, Tx } from '../../store/store.ts';
import type { Settles } from '../facilitator/facilitator.ts';
import { readTerms, type Terms } from '../facilitator/terms.ts';
import { othersExpected, paidBy } from './queries.ts';

/** An answer to an agent at an invoice's URL. `header`: PAYMENT-REQUIRED or PAYMENT-RESPONSE. */
export type Asked = { kind: 'asked'; header: string; body: PaymentRequired };
export type Paid = { kind: 'paid'; header: string | null; payer: string; txHash: string | null; amountMicro: bigint };
export type Pending = { kind: 'pending'; header: string; payer: string; txHash: string };
/** Another payment of the same use is pending. */
export type Busy = { kind: 'busy'; retryAfterS: number };

/** The x402 side of invoices: offers the amount due and settles the presented payment. */
export interface InvoiceResource {
  ask(invoice: Invoice, url: string, error?: string): Promise<Asked>;
  pay(invoice: Invoice, url: string, paymentSignature: string): Promise<Asked | Paid | Pending | Busy>;
}
export type InvoiceResourceOptions = {
  store: Store;
  chain: ChainFacts;
  settles: Settles;
  /** The token's own EIP-712 name and version. */
  domain: () => Promise<{ name: string; version: string }>;
  clock: () => number;
};

const VALID_SECONDS = 60;
/** A payer whose authorization is valid for longer could block other payers for that time. */
const VALID_SECONDS_MAX = 600;

/**
 * An invoice as an x402 v2 resource, served by the official server parts. The authorization's nonce is announced with the invoice's
 * id before it is settled, so the books match it exactly, and the same authorization presented again gets the same answer.
 */
export function createInvoiceResource(options: InvoiceResourceOptions): InvoiceResource {
  const { store, chain, clock } = options;
  const network = chain.network as `eip155:${number}`;
  let ready: Promise<x402ResourceServer> | null = null;

  function server(): Promise<x402ResourceServer> {
    ready ??= (async () => {
      const made = new x402ResourceServer(options.settles).register(network, new ExactEvmScheme());
      await made.initialize();
      return made;
    })().catch((error: unknown) => {
      ready = null;
      throw error;
    });
    return ready;
  }

  async function offer(invoice: Invoice): Promise<PaymentRequirements[]> {
    const { name, version } = await options.domain();
    return (await server()).buildPaymentRequirements({
      scheme: 'exact',
      network,
      payTo: invoice.address,
      price: { asset: chain.token, amount: dueOf(invoice).toString(), extra: { name, version } },
      maxTimeoutSeconds: VALID_SECONDS,
    });
  }

  async function ask(invoice: Invoice, url: string, error?: string): Promise<Asked> {
    const resource = { url, description: invoice.memo, mimeType: 'application/json' };
    const body = await (await server()).createPaymentRequiredResponse(await offer(invoice), resource, error);
    return { kind: 'asked', header: encodePaymentRequiredHeader(body), body };
  }

  async function pay(invoice: Invoice, url: string, signature: string): Promise<Asked | Paid | Pending | Busy> {
    let payload: PaymentPayload;
    try {
      payload = decodePaymentSignatureHeader(signature);
      if (isTooDeep(payload)) return ask(invoice, url, 'PAYMENT-SIGNATURE is nested too deep');
    } catch {
      return ask(invoice, url, 'PAYMENT-SIGNATURE cannot be read');
    }
    const served = {
      network: chain.network,
      token: chain.token,
      mayReceive: async (to: string) => to === invoice.address,
    };
    const accepted = payload.accepted as PaymentRequirements | undefined;
    const terms = accepted ? await readTerms(payload, accepted, served) : null;
    if (!terms || 'reason' in terms) return ask(invoice, url, terms?.reason ?? 'invalid_payload');
    const before = await store.read((tx) => paidBefore(tx, terms, invoice));
    if (before) return before;
    if (invoiceIsClosed(invoice)) return ask(invoice, url, 'invoice_closed');

    const resource = await server();
    const requirements = resource.findMatchingRequirements(await offer(invoice), payload);
    if (!requirements) return ask(invoice, url, 'The offer has changed: sign the present one');
    if (terms.validBeforeS > BigInt(Math.floor(clock() / 1000) + VALID_SECONDS_MAX)) {
      return ask(invoice, url, 'valid_before_too_late');
    }
    const verified = await resource.verifyPayment(payload, requirements);
    if (!verified.isValid) return ask(invoice, url, verified.invalidReason ?? 'invalid_payload');
    const retryAfterS = await store.write((tx) => announce(tx, invoice.id, terms));
    if (retryAfterS > 0) return { kind: 'busy', retryAfterS };
    const settled = await resource.settlePayment(payload, requirements);
    return answerTo(settled, terms, invoice, url);
  }

  async function answerTo(
    settled: SettleResponse,
    terms: Terms,
    invoice: Invoice,
    url: string,
  ): Promise<Asked | Paid | Pending> {
    const header = encodePaymentResponseHeader(settled);
    const txHash = settled.transaction;
    if (settled.success) return { kind: 'paid', header, payer: terms.payer, txHash, amountMicro: terms.value };
    // Another sender settled it, or we did and the answer was lost.
    const before = await store.read((tx) => paidBefore(tx, terms, invoice));
    if (before) return before;
    if (txHash !== '') return { kind: 'pending', header, payer: terms.payer, txHash };
    return ask(invoice, url, settled.errorReason ?? 'settlement_failed');
  }

  function invoiceIsClosed(invoice: Invoice): boolean {
    const state = invoiceState(invoice, clock());
    return state !== 'open' && state !== 'part_paid';
  }

  /** The earlier payment by this same authorization. */
  async function paidBefore(tx: ReadTx, terms: Terms, invoice: Invoice): Promise<Paid | null> {
    const sale = await findExpectedSale(tx, chain.chainId, terms.payer, terms.nonce);
    if (sale?.invoice_id !== invoice.id) return null;
    const { payer, nonce } = terms;
    const row = await tx.get(paidBy, { invoice: invoice.id, chain: chain.chainId, payer, nonce });
    return row
      ? { kind: 'paid', header: null, payer: terms.payer, txHash: row.tx_hash, amountMicro: terms.value }
      : null;
  }

  /** Announces the payment unless pending ones would use the invoice up: then returns the seconds to wait. */
  async function announce(tx: Tx, invoiceId: string, terms: Terms): Promise<number> {
    const atMs = clock();
    const nowS = Math.floor(atMs / 1000);
    const now = await getInvoice(tx, invoiceId);
    const others = await tx.get(othersExpected, { invoice: invoiceId, payer: terms.payer, nonce: terms.nonce, nowS });
    const left = BigInt(now.maxUses) - now.receivedMicro / now.amount;
    if ((others?.n ?? 0n) >= left) return Math.max(1, Number(others?.until ?? 0n) - nowS);
    const { payer, nonce, value: amount, validBeforeS } = terms;
    const resource = `invoice ${invoiceId}`;
    await expectSale(
      tx,
      { chainId: chain.chainId, payer, nonce, agentId: now.agentId, amount, resource, validBeforeS, invoiceId },
      atMs,
    );
    return 0;
  }

  return { ask, pay };
}
