import { getAddress } from 'viem';
import { type MicroUsdc, microUsdc } from '../../core/money/microUsdc.ts';
import type { ChainFacts } from '../../decide/payments/request.ts';
import { type PaymentRequired, Requirement } from './paymentRequired.ts';
import { type Refusal, refusalOf } from './refusal.ts';

/** An offer that a purse can pay. */
export type PayableOffer = { requirement: Requirement; amount: MicroUsdc; payTo: `0x${string}`; flow: string };
export type RefusedOffer = Refusal & { index: number; scheme: string; network: string };

/** The cheapest payable offers go to the gate; this many refused ones are reported with their reason. */
const PAYABLE_MAX = 20;
const REFUSED_MAX = 50;

/**
 * Sorts the offers into those that can be paid here, cheapest first, and those that cannot, with reasons. `domain`: the token's own
 * EIP-712 name and version; a signature with another domain would be for another contract.
 */
export function payableOffers(
  offer: PaymentRequired,
  chain: ChainFacts,
  domain: { name: string; version: string },
  maxAmount: MicroUsdc | undefined,
): { payable: PayableOffer[]; refused: RefusedOffer[] } {
  const payable: PayableOffer[] = [];
  const refused: RefusedOffer[] = [];
  offer.accepts.forEach((entry, index) => {
    const parsed = Requirement.safeParse(entry);
    if (!parsed.success) {
      refused.push({ index, ...labelsOf(entry), code: 'malformed', reason: 'This entry is no x402 v2 requirement.' });
      return;
    }
    const requirement = parsed.data;
    const { scheme, network } = requirement;
    const refusal = refusalOf(requirement, chain, domain) ?? tooDear(requirement, maxAmount);
    if (refusal) {
      refused.push({ index, scheme, network, ...refusal });
      return;
    }
    payable.push({
      requirement,
      amount: microUsdc(BigInt(requirement.amount)),
      payTo: getAddress(requirement.payTo),
      flow: flowOf(requirement),
    });
  });
  payable.sort((a, b) => (a.amount < b.amount ? -1 : a.amount > b.amount ? 1 : 0));
  return { payable: payable.slice(0, PAYABLE_MAX), refused: refused.slice(0, REFUSED_MAX) };
}

/** The seller's text about an entry that cannot be read, as far as it is text. */
function labelsOf(entry: unknown): { scheme: string; network: string } {
  const { scheme, network } = (typeof entry === 'object' && entry !== null ? entry : {}) as Record<string, unknown>;
  const label = (value: unknown): string => (typeof value === 'string' ? value.slice(0, 64) : '');
  return { scheme: label(scheme), network: label(network) };
}

function tooDear({ amount }: Requirement, maxAmount: MicroUsdc | undefined): Refusal | null {
  if (maxAmount === undefined || BigInt(amount) <= maxAmount) return null;
  return { code: 'above_max_amount', reason: `${amount} micro-USDC is above max_amount.` };
}

/** Tells whether both ask for the same money on the same terms, so that a decision for one is valid for the other. */
export function sameTerms(a: Requirement, b: Requirement): boolean {
  const terms = ({ scheme, network, amount, asset, payTo, extra }: Requirement) =>
    [scheme, network, amount, asset.toLowerCase(), payTo.toLowerCase(), extra?.paymentFlow ?? null].join(' ');
  return terms(a) === terms(b);
}

/** The payment flows of x402 v2: before (`upfront`), after (`authorization`, the default) or through a third party (`escrow`). */
const flows: readonly unknown[] = ['authorization', 'upfront', 'escrow'];

/** The time at which money moves. An unknown flow is `unknown`: the seller's own text never gets into a reason. */
function flowOf(requirement: Requirement): string {
  const flow = requirement.extra?.paymentFlow ?? 'authorization';
  return flows.includes(flow) ? String(flow) : 'unknown';
}
