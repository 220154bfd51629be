import type { PaymentPayload, PaymentRequirements } from '@x402/core/types';
import { type Address, getAddress, type Hex, isAddress } from 'viem';
import { z } from 'zod';
import { BursarError } from '../../core/errors/base.ts';
import { MICRO_USDC_MAX } from '../../core/money/microUsdc.ts';

const AddressText = z
  .string()
  .refine((text) => isAddress(text, { strict: false }), 'not an address')
  .transform((text) => getAddress(text));
const Digits = z.string().regex(/^(0|[1-9][0-9]{0,77})$/, 'not a decimal integer');
const Bytes32 = z
  .string()
  .regex(/^0x[0-9a-fA-F]{64}$/)
  .transform((text) => text.toLowerCase() as Hex);

const Requirements = z.looseObject({
  scheme: z.string().max(64),
  network: z.string().max(64),
  asset: z.string().max(128),
  amount: Digits,
  payTo: z.string().max(128),
  maxTimeoutSeconds: z.number().int().min(0),
  extra: z.record(z.string(), z.unknown()).optional(),
});

/** The body that a seller posts to /verify and /settle (x402 v2). Unknown fields are kept: the official code reads some. */
const FacilitatorRequest = z.looseObject({
  x402Version: z.literal(2),
  paymentPayload: z.looseObject({
    x402Version: z.literal(2),
    accepted: Requirements,
    payload: z.record(z.string(), z.unknown()),
    extensions: z.record(z.string(), z.unknown()).optional(),
  }),
  paymentRequirements: Requirements,
});

const Exact = z.looseObject({
  authorization: z.looseObject({
    from: AddressText,
    to: AddressText,
    value: Digits,
    validAfter: Digits,
    validBefore: Digits,
    nonce: Bytes32,
  }),
  signature: z.string().regex(/^0x(?:[0-9a-fA-F]{2}){64,8192}$/),
});

/** The fields of an EIP-3009 payment, checked for form only. `value` in micro-USDC. */
export type Terms = { payer: Address; nonce: Hex; payTo: Address; value: bigint; validBeforeS: bigint };
export type Refusal = { reason: string; message: string; payer: Address | null };

export type Served = {
  network: string;
  token: Address;
  /** The receivers whose payments this facilitator settles. */
  mayReceive: (payTo: Address) => Promise<boolean>;
  /** Micro-USDC below which nothing is settled. */
  minMicro?: bigint;
};

type Request = { paymentPayload: PaymentPayload; paymentRequirements: PaymentRequirements };

/** Reads a request's body. Throws `invalid_request`. */
export function parseFacilitatorRequest(body: unknown): { payload: PaymentPayload; requirements: PaymentRequirements } {
  const parsed = FacilitatorRequest.safeParse(body);
  if (!parsed.success) {
    const problems = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
    throw new BursarError('invalid_request', { details: { problems } });
  }
  // The schema has checked the form; the body itself is passed on, since official code reads fields that the schema does not name.
  const { paymentPayload, paymentRequirements } = body as Request;
  return { payload: paymentPayload, requirements: paymentRequirements };
}

/** Returns the terms of a payment that this facilitator may settle, or the reason why not. The official code checks signatures. */
export async function readTerms(
  payload: PaymentPayload,
  requirements: PaymentRequirements,
  served: Served,
): Promise<Terms | Refusal> {
  const refuse = (reason: string, message: string, payer: Address | null = null) => ({ reason, message, payer });
  const { scheme, network, extra } = requirements;
  if (scheme !== 'exact') return refuse('unsupported_scheme', `Only the scheme exact is settled here, not ${scheme}.`);
  if (network !== served.network) return refuse('invalid_network', `This facilitator settles on ${served.network}.`);
  const method = extra?.assetTransferMethod;
  if (method !== undefined && method !== 'eip3009') {
    return refuse('unsupported_asset_transfer_method', 'Only EIP-3009 is settled here.');
  }
  const exact = Exact.safeParse(payload.payload);
  if (!exact.success) return refuse('unsupported_payload_type', 'The payload is no EIP-3009 authorization.');
  const { from, to, value, nonce, validBefore } = exact.data.authorization;
  if (!sameAddress(requirements.asset, served.token)) return refuse('invalid_asset', 'The asset is not USDC.', from);
  if (!sameAddress(requirements.payTo, to)) {
    return refuse('invalid_exact_evm_recipient_mismatch', 'The authorization pays another address.', from);
  }
  if (!(await served.mayReceive(to))) {
    return refuse('pay_to_not_served', `This facilitator does not settle for ${to}; see facilitator.pay_to.`, from);
  }
  const amount = BigInt(value);
  if (amount === 0n || amount > MICRO_USDC_MAX) return refuse('invalid_amount', 'The amount is out of range.', from);
  if (amount < (served.minMicro ?? 0n)) {
    return refuse('amount_below_minimum', `This facilitator settles ${served.minMicro} micro-USDC at least.`, from);
  }
  // The official code asks this only when it verifies, and a transaction that was sent is not verified again.
  if (amount !== BigInt(requirements.amount)) {
    return refuse(
      'invalid_exact_evm_payload_authorization_value_mismatch',
      'The authorization is of another amount.',
      from,
    );
  }
  return { payer: from, nonce, payTo: to, value: amount, validBeforeS: BigInt(validBefore) };
}

function sameAddress(text: string, address: Address): boolean {
  return isAddress(text, { strict: false }) && getAddress(text) === address;
}
