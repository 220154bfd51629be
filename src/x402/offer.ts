import { getAddress, isAddress, isAddressEqual } from 'viem';
import { z } from 'zod';
import { BursarError } from '../errors/base.ts';
import { type MicroUsdc, microUsdc } from '../money/microUsdc.ts';
import type { ChainFacts } from '../payments/request.ts';

const text = z.string().max(2048);
/** One entry of `accepts` (x402 v2). Unknown fields are kept: the payload must echo the whole requirement. */
export const Requirement = z.looseObject({
  scheme: z.string().max(64),
  network: z.string().max(64),
  amount: z.string().max(40),
  asset: z.string().max(128),
  payTo: z.string().max(128),
  maxTimeoutSeconds: z.number().int().min(0),
  extra: z.record(z.string(), z.unknown()).nullish(),
});
export type Requirement = z.infer<typeof Requirement>;

/** The PAYMENT-REQUIRED header of an x402 v2 answer (specs/x402-specification-v2.md). */
export const PaymentRequired = z.looseObject({
  x402Version: z.literal(2),
  error: z.string().optional(),
  resource: z.looseObject({ url: text, description: text.optional(), mimeType: text.optional() }),
  accepts: z.array(Requirement).min(1).max(20),
  extensions: z.record(z.string(), z.unknown()).nullish(),
});
export type PaymentRequired = z.infer<typeof PaymentRequired>;

/** Reads the header as received (base64 of JSON) or its decoded object. Throws `x402_invalid`. */
export function parsePaymentRequired(given: unknown): PaymentRequired {
  const parsed = PaymentRequired.safeParse(typeof given === 'string' ? decode(given) : given);
  if (!parsed.success) {
    const problems = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
    throw new BursarError('x402_invalid', { details: { problems } });
  }
  return parsed.data;
}

function decode(header: string): unknown {
  try {
    return JSON.parse(Buffer.from(header, 'base64').toString('utf8'));
  } catch {
    throw new BursarError('x402_invalid', { message: 'PAYMENT-REQUIRED is not base64 of JSON.' });
  }
}

/** An offer that a purse can pay. */
export type PayableOffer = { requirement: Requirement; amount: MicroUsdc; payTo: `0x${string}`; flow: string };
export type RefusedOffer = { index: number; scheme: string; network: string; reason: string };

/**
 * What of the offers can be paid here, the cheapest first, and why the others cannot. `domain`: the token's own EIP-712 name
 * and version; an offer that names others would have us sign for another contract.
 */
export function payableOffers(
  offer: PaymentRequired,
  chain: ChainFacts,
  domain: { name: string; version: string },
): { payable: PayableOffer[]; refused: RefusedOffer[] } {
  const payable: PayableOffer[] = [];
  const refused: RefusedOffer[] = [];
  offer.accepts.forEach((requirement, index) => {
    const reason = refusal(requirement, chain, domain);
    const { scheme, network } = requirement;
    if (reason !== null) {
      refused.push({ index, scheme, network, reason });
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
  return { payable, refused };
}

function refusal(
  requirement: Requirement,
  chain: ChainFacts,
  domain: { name: string; version: string },
): string | null {
  const extra = requirement.extra ?? {};
  if (requirement.scheme !== 'exact') return `The scheme ${requirement.scheme} cannot be bounded by the purse.`;
  if (requirement.network !== chain.network) return `This Bursar pays on ${chain.network}.`;
  if (!isAddress(requirement.asset, { strict: false }) || !isAddressEqual(requirement.asset, chain.token)) {
    return 'The asset is not USDC on this network.';
  }
  const method = extra.assetTransferMethod;
  if (method !== undefined && method !== 'eip3009') return `The transfer method ${String(method)} is not supported.`;
  if (extra.name !== domain.name || extra.version !== domain.version) {
    return `The offer's token domain is not "${domain.name}" version "${domain.version}".`;
  }
  if (!isAddress(requirement.payTo, { strict: false })) return 'payTo is not an address.';
  if (!/^[1-9][0-9]{0,15}$/.test(requirement.amount))
    return 'The amount is not a whole number of micro-USDC above zero.';
  if (BigInt(requirement.amount) > 9_007_199_254_740_991n) return 'The amount is too large.';
  return null;
}

/** Whether money moves before the resource runs (`upfront`) or after (`authorization`, the default). */
function flowOf(requirement: Requirement): string {
  const flow = requirement.extra?.paymentFlow;
  return typeof flow === 'string' && flow.length <= 64 ? flow : 'authorization';
}
